"""Small builds of data sets in plain colours, for the tests of building."""

from datamodules.builders.au_text import build_bp4d


def build(root, output, **options):
    """Build BP4D in plain colours, one process, small."""
    options = {"size": 32, "workers": 1, "detector": "whole_image", "landmarks": False} | options
    build_bp4d(str(root / "BP4D"), output=str(output), **options)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def expected_entries(expected, *, keep_neutral=False):
    """Sources of the entries by an independent reading of the labels."""
    kept = {
        source
        for source, labels in expected.occurrence.items()
        if 1 in labels or (keep_neutral and any(label != 9 for label in labels))
    }
    return kept - expected.corrupt
