"""Published partitions of the subjects.

Part 1 to 3 of BP4D and DISFA are those of the literature (DRML, EAC-Net, JAA-Net, ME-GraphAU and others agree in
the sets). Repositories disagree in which of them the first fold tests: ME-GraphAU's folds 1, 2 and 3 test parts 3, 2
and 1, others' fold k tests part k. So these are parts to be named, not folds to be numbered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Parts = tuple[frozenset[str], ...]


def _subjects(text: str, *, prefix: str = "") -> frozenset[str]:
    return frozenset(prefix + name for name in text.split())


def _numbered(prefix: str, numbers: Iterable[int]) -> frozenset[str]:
    return frozenset(f"{prefix}{number:03d}" for number in numbers)


BP4D_SUBJECTS = _numbered("F", range(1, 24)) | _numbered("M", range(1, 19))
BP4DPLUS_SUBJECTS = _numbered("F", range(1, 83)) | _numbered("M", range(1, 59))
DISFA_SUBJECTS = _numbered("SN", (*range(1, 14), 16, 17, 18, 21, *range(23, 33)))

BP4D_FOLDS: Mapping[str, Parts] = {
    "3fold": (
        _subjects("F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014"),
        _subjects("F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018"),
        _subjects("F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015"),
    ),
    # training and development
    "fera2015": (
        frozenset(name for name in BP4D_SUBJECTS if int(name[1:]) % 2),
        frozenset(name for name in BP4D_SUBJECTS if int(name[1:]) % 2 == 0),
    ),
}
"""Of BP4D: three parts with 50,631, 50,182 and 46,034 frames, and FERA 2015's training and development subjects."""

BP4DPLUS_FOLDS: Mapping[str, Parts] = {
    "4fold": (
        _subjects(
            "F004 F013 F014 F019 F020 F026 F033 F038 F039 F044 F046 F047 F053 F057 F061 F066 F071 F072 F076 F079 "
            "M003 M004 M015 M017 M020 M025 M026 M029 M033 M036 M040 M042 M048 M050 M051"
        ),
        _subjects(
            "F012 F016 F022 F024 F028 F030 F031 F032 F034 F056 F060 F065 F074 F075 F077 M001 M005 M009 M011 M016 "
            "M018 M019 M022 M023 M028 M034 M037 M038 M043 M044 M045 M046 M047 M052 M055"
        ),
        _subjects(
            "F001 F002 F008 F009 F017 F021 F027 F029 F035 F040 F042 F043 F045 F050 F052 F054 F058 F062 F063 F064 "
            "F068 F069 F078 F080 M008 M010 M024 M027 M030 M031 M035 M041 M054 M056 M057"
        ),
        _subjects(
            "F003 F005 F006 F007 F010 F011 F015 F018 F023 F025 F036 F037 F041 F048 F049 F051 F055 F059 F067 F070 "
            "F073 F081 F082 M002 M006 M007 M012 M013 M014 M021 M032 M039 M049 M053 M058"
        ),
    ),
}
"""Of BP4D+: the four parts of 35 subjects that FMAE-IAT published."""

DISFA_FOLDS: Mapping[str, Parts] = {
    "3fold": (
        _subjects("001 002 009 010 016 026 027 030 032", prefix="SN"),
        _subjects("006 011 012 013 018 021 024 028 031", prefix="SN"),
        _subjects("003 004 005 007 008 017 023 025 029", prefix="SN"),
    ),
}
"""Of DISFA: three parts of nine subjects."""
