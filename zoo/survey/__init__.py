"""The user study of conflicting AUs: cases of several systems, a page that raters rank them on, and what it says.

``cases`` finds the pictures, ``blinding`` gives them names that say nothing, ``page`` builds one self-contained file,
``answers`` reads what it exports, ``scores`` and ``report`` make the table. Needs no network and no server; the
arithmetic is in :mod:`zoo.metrics.ranking`.
"""
