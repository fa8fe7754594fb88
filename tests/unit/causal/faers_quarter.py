"""A quarter of FAERS by hand, in the new and in the old layout, for tests that spoil it."""

from __future__ import annotations

from pathlib import Path

NEW = {
    "DEMO": [
        "primaryid$caseid$caseversion$i_f_code$event_dt$mfr_dt$init_fda_dt$fda_dt$rept_cod$auth_num$mfr_num$mfr_sndr$"
        "lit_ref$age$age_cod$age_grp$sex$e_sub$wt$wt_cod$rept_dt$to_mfr$occp_cod$reporter_country$occr_country",
        "10011$1001$1$I$20240105$20240110$20240112$20240112$EXP$$US-1$ACME$$54$YR$A$F$Y$70$KG$20240111$$MD$US$US",
        "10022$1002$2$F$202401$$20231201$20240201$EXP$$US-2$ACME$$600$MON$A$M$Y$150$LBS$20240131$$CN$US$US",
        "10031$1003$1$I$$$20240301$20240301$DIR$$$$$$$$$N$$$20240301$$CN$JP$",
    ],
    "DRUG": [
        "primaryid$caseid$drug_seq$role_cod$drugname$prod_ai$val_vbm$route$dose_vbm$cum_dose_chr$cum_dose_unit$dechal$"
        "rechal$lot_num$exp_dt$nda_num$dose_amt$dose_unit$dose_form$dose_freq",
        "10011$1001$1$PS$Bigpill$IBUPROFEN\\FAMOTIDINE$1$Oral$$$$Y$N$$$$800$MG$TABLET$",
        "10011$1001$2$C$Aspirin.$ASPIRIN$1$$$$$$$$$$$$$",
        "10022$1002$1$PS$IBUPROFEN$IBUPROFEN$1$$$$$D$D$$$$$$$",
        "10031$1003$1$SS$Unheard-of$$2$$$$$$$$$$$$$",
    ],
    "REAC": [
        "primaryid$caseid$pt$drug_rec_act",
        "10011$1001$Nausea$",
        "10011$1001$Headache$",
        "10022$1002$NAUSEA$",
        "10031$1003$Rash$",
    ],
    "OUTC": ["primaryid$caseid$outc_cod", "10011$1001$HO", "10022$1002$OT"],
    "RPSR": ["primaryid$caseid$rpsr_cod", "10011$1001$HP"],
    "THER": [
        "primaryid$caseid$dsg_drug_seq$start_dt$end_dt$dur$dur_cod",
        "10011$1001$1$20240101$20240104$4$DAY",
        "10022$1002$1$2023$$2$MON",
    ],
    "INDI": ["primaryid$caseid$indi_drug_seq$indi_pt", "10011$1001$1$Pain"],
}
OLD = {
    "DEMO": [
        "ISR$CASE$I_F_COD$FOLL_SEQ$IMAGE$EVENT_DT$MFR_DT$FDA_DT$REPT_COD$MFR_NUM$MFR_SNDR$AGE$AGE_COD$GNDR_COD$E_SUB$WT$"
        "WT_COD$REPT_DT$OCCP_COD$DEATH_DT$TO_MFR$CONFID$REPORTER_COUNTRY",
        "5001001$4001$I$$5001001-1$20100105$20100110$20100112$EXP$US-1$ACME$54$YR$F$Y$70$KG$"
        "20100111$MD$$$$UNITED STATES$",
        "5001002$4001$F$$5001002-1$20100105$20100110$20100212$EXP$US-1$ACME$54$YR$F$Y$70$KG$"
        "20100211$MD$$$$UNITED STATES$",
    ],
    "DRUG": [
        "ISR$DRUG_SEQ$ROLE_COD$DRUGNAME$VAL_VBM$ROUTE$DOSE_VBM$DECHAL$RECHAL$LOT_NUM$EXP_DT$NDA_NUM",
        "5001001$1000001$PS$WONDERDRUG$1$ORAL$$Y$$$$021487$",
        "5001002$1000002$PS$WONDERDRUG$1$ORAL$$Y$$$$021487$",
    ],
    "REAC": ["ISR$PT", "5001001$NAUSEA$", "5001002$NAUSEA$"],
}


def write(folder: Path, tables: dict[str, list[str]] = NEW, quarter: str = "24Q1", **changed) -> Path:
    """Write the files of a quarter; keywords are tables whose lines are others, or None for no file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (tables | changed).items():
        if lines is not None:
            text = lines if isinstance(lines, bytes) else ("\r\n".join(lines) + "\r\n").encode()
            (folder / f"{name}{quarter}.txt").write_bytes(text)
    return folder
