"""SVG: a chart as text that can stand in a page among others."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import altair as alt

_OPENING = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\b(width|height)="([\d.]+)"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_GEOMETRY = re.compile(r'\b(?:d|transform|x|y|x1|x2|y1|y2|width|height|r|cx|cy)="[^"]*"')
_ID = re.compile(r'\bid="([^"]+)"')


def svg(chart: alt.TopLevelMixin, *, name: str, title: str, description: str) -> str:
    """The chart as an ``<svg>`` element.

    Parameters
    ----------
    chart : altair chart
    name : str
        Prefix of every id inside, so that two charts on one page do not clash.
    title, description : str
        What the chart is and what it shows, for readers who cannot see it.

    Returns
    -------
    str
        The same bytes each time. It holds no script and refers to nothing outside; nothing is fetched to
        make it.

    Examples
    --------
    >>> import altair as alt
    >>> bar = alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_bar().encode(x="x:Q")
    >>> svg(bar, name="bar", title="One bar", description="It reaches 1.")[:26]
    '<svg class="chart" id="bar'
    """
    import altair as alt
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    known = vl_convert.get_vegalite_versions()
    drawn = vl_convert.vegalite_to_svg(
        chart.to_dict(), vl_version=version if version in known else None, allowed_base_urls=[]
    )
    return accessible(_short_numbers(drawn), name=name, title=title, description=description)


def accessible(drawing: str, *, name: str, title: str, description: str) -> str:
    """A drawing with ids of its own, a size that follows the page, and a title and description.

    Parameters
    ----------
    drawing : str
        An ``<svg>`` element with width and height.
    name, title, description : str
        See `svg`.
    """
    opening = _OPENING.search(drawing)
    size = dict(_SIZE.findall(opening[0]))
    width, height = (f"{float(size[side]):g}" for side in ("width", "height"))
    head = (
        f'<svg class="chart" id="{escape(name)}" xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{escape(name)}-title {escape(name)}-desc">'
        f'<title id="{escape(name)}-title">{escape(title)}</title>'
        f'<desc id="{escape(name)}-desc">{escape(description)}</desc>'
    )
    return head + _with_own_ids(drawing[opening.end() :], name)


def _with_own_ids(body: str, name: str) -> str:
    """Ids numbered from one within the drawing: Vega counts on from the chart before."""
    own = {old: f"{name}-{k}" for k, old in enumerate(dict.fromkeys(_ID.findall(body)), start=1)}
    if not own:
        return body
    uses = re.compile(r'(\bid="|url\(#|href="#)(' + "|".join(map(re.escape, own)) + r')(?=["\)])')
    return uses.sub(lambda found: found[1] + own[found[2]], body)


def _short_numbers(drawing: str) -> str:
    """Coordinates to a hundredth of a pixel."""
    shorten = lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip(".")  # noqa: E731
    return _GEOMETRY.sub(lambda found: _LONG_NUMBER.sub(shorten, found[0]), drawing)
