/* The turnover model of turnover.py in C, eight patients side by side, everything written out: what a solver made for
   this one model and this one dosing can reach. Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002. */
#include <math.h>
#include <string.h>

typedef double v8 __attribute__((vector_size(64)));
typedef long m8 __attribute__((vector_size(64)));
#define EACH for (int q = 0; q < 4; q++)

static inline v8 any(m8 mask, v8 a, v8 b) { return (v8)((mask & (m8)a) | (~mask & (m8)b)); }
static inline v8 size_of(v8 a) { return (v8)((m8)a & 0x7fffffffffffffffL); }
static inline v8 larger(v8 a, v8 b) { return any(a > b, a, b); }
static inline v8 all(double x) { return (v8){x, x, x, x, x, x, x, x}; }

static inline void rates(const v8 *y, const v8 *p, v8 *d) {
    v8 flow = p[4] * (y[1] - y[2]);
    d[0] = -p[0] * y[0];
    d[1] = (p[0] * y[0] - p[2] * y[1] / (p[3] + y[1]) - flow) / p[1];
    d[2] = flow / p[5];
    d[3] = p[6] * (1 - 0.9 * y[1] / (p[8] + y[1])) - p[7] * y[3];
}

static inline v8 inverse_fifth_root(v8 x) {
    v8 r;
    for (int i = 0; i < 8; i++) r[i] = exp2(-0.2 * log2(x[i]));
    return r;
}

/* Patients in blocks of eight: parameters (blocks, 9, 8), found (blocks, times, 4, 8). Times are whole numbers. */
void solve(int blocks, int times, int doses, double dose, double interval, double relative, double absolute,
           const v8 *parameters, v8 *found) {
    for (int b = 0; b < blocks; b++) {
        const v8 *p = parameters + 9 * b;
        double *out = (double *)(found + (long)b * times * 4);
        v8 y[4] = {all(0), all(0), all(0), p[6] / p[7]}, k[7][4], w[4], z[4], peak[4];
        v8 t = all(0), h = all(0), stop = all(interval);
        int given[8], seen[8], live = 8, fresh[8];
        for (int i = 0; i < 8; i++) { y[0][i] += dose; given[i] = 1; seen[i] = 0; fresh[i] = 1; }
        EACH peak[q] = larger(size_of(y[q]), all(1e-8));
        for (int i = 0; i < 8; i++) { for (int q = 0; q < 4; q++) out[q * 8 + i] = y[q][i]; seen[i] = 1; }
        int begin = 1;
        while (live) {
            if (begin) {
                rates(y, p, w);
                v8 big = all(0), fast = all(0);
                EACH {
                    v8 s = relative * size_of(y[q]) + absolute * peak[q];
                    big = larger(big, size_of(y[q]) / s);
                    fast = larger(fast, size_of(w[q]) / s);
                }
                for (int i = 0; i < 8; i++)
                    if (fresh[i]) {
                        for (int q = 0; q < 4; q++) k[0][q][i] = w[q][i];
                        h[i] = 0.01 * big[i] / fast[i];
                        fresh[i] = 0;
                    }
                begin = 0;
            }
            v8 left = stop - t, s = any(h * 1.001 >= left, left, h);
            EACH w[q] = y[q] + s * (0.161 * k[0][q]);
            rates(w, p, k[1]);
            EACH w[q] = y[q] + s * (-0.008480655492356989 * k[0][q] + 0.335480655492357 * k[1][q]);
            rates(w, p, k[2]);
            EACH w[q] = y[q] + s * (2.8971530571054935 * k[0][q] - 6.359448489975075 * k[1][q] + 4.3622954328695815 * k[2][q]);
            rates(w, p, k[3]);
            EACH w[q] = y[q] + s * (5.325864828439257 * k[0][q] - 11.748883564062828 * k[1][q] + 7.4955393428898365 * k[2][q]
                                    - 0.09249506636175525 * k[3][q]);
            rates(w, p, k[4]);
            EACH w[q] = y[q] + s * (5.86145544294642 * k[0][q] - 12.92096931784711 * k[1][q] + 8.159367898576159 * k[2][q]
                                    - 0.071584973281401 * k[3][q] - 0.028269050394068383 * k[4][q]);
            rates(w, p, k[5]);
            EACH z[q] = y[q] + s * (0.09646076681806523 * k[0][q] + 0.01 * k[1][q] + 0.4798896504144996 * k[2][q]
                                    + 1.379008574103742 * k[3][q] - 3.290069515436081 * k[4][q] + 2.324710524099774 * k[5][q]);
            rates(z, p, k[6]);
            v8 error = all(0);
            EACH {
                v8 e = s * (-0.00178001105222577714 * k[0][q] - 0.0008164344596567469 * k[1][q] + 0.007880878010261995 * k[2][q]
                            - 0.1447110071732629 * k[3][q] + 0.5823571654525552 * k[4][q] - 0.45808210592918697 * k[5][q]
                            + 0.015151515151515152 * k[6][q]);
                error = larger(error, size_of(e) / (relative * larger(size_of(y[q]), size_of(z[q])) + absolute * peak[q]));
            }
            v8 factor = 0.9 * inverse_fifth_root(larger(error, all(1e-10)));
            factor = any(factor > 5.0, all(5.0), any(factor < 0.2, all(0.2), factor));
            m8 good = error <= 1.0, ends = good & (s == left);
            v8 now = any(ends, stop, any(good, t + s, t));
            for (;;) {
                v8 theta = all(0);
                int some = 0;
                for (int i = 0; i < 8; i++)
                    if (good[i] && seen[i] < times && seen[i] <= now[i] && (seen[i] < stop[i] || given[i] == doses)) {
                        theta[i] = (seen[i] - t[i]) / s[i];
                        some |= 1 << i;
                    }
                if (!some) break;
                v8 c[7], x = theta;
                c[0] = x * (1 + x * (-2.763706197274826 + x * (2.9132554618219126 - x * 1.0530884977290216)));
                c[1] = x * x * (0.13169999999999998 + x * (-0.2234 + x * 0.1017));
                c[2] = x * x * (3.9302962368947516 + x * (-5.941033872131505 + x * 2.490627285651253));
                c[3] = x * x * (-12.411077166933676 + x * (30.33818863028232 - x * 16.548102889244902));
                c[4] = x * x * (37.50931341651104 + x * (-88.1789048947664 + x * 47.37952196281928));
                c[5] = x * x * (-27.896526289197286 + x * (65.09189467479366 - x * 34.87065786149661));
                c[6] = x * x * (1.5 + x * (-4.0 + x * 2.5));
                EACH {
                    v8 value = y[q] + s * (c[0] * k[0][q] + c[1] * k[1][q] + c[2] * k[2][q] + c[3] * k[3][q] + c[4] * k[4][q]
                                           + c[5] * k[5][q] + c[6] * k[6][q]);
                    for (int i = 0; i < 8; i++)
                        if (some >> i & 1) out[((long)seen[i] * 4 + q) * 8 + i] = value[i];
                }
                for (int i = 0; i < 8; i++) seen[i] += some >> i & 1;
            }
            EACH {
                y[q] = any(good, z[q], y[q]);
                k[0][q] = any(good, k[6][q], k[0][q]);
                peak[q] = any(good, larger(peak[q], size_of(z[q])), peak[q]);
            }
            h = any(ends, larger(h, s * factor), s * factor);
            t = now;
            for (int i = 0; i < 8; i++)
                if (ends[i] && given[i] <= doses) {
                    if (given[i] == doses) {
                        given[i]++;
                        live--;
                        continue;
                    }
                    y[0][i] += dose;
                    stop[i] = ++given[i] * interval;
                    fresh[i] = begin = 1;
                    if (seen[i] <= t[i] && seen[i] < times) {
                        for (int q = 0; q < 4; q++) out[((long)seen[i] * 4 + q) * 8 + i] = y[q][i];
                        seen[i]++;
                    }
                }
        }
    }
}
