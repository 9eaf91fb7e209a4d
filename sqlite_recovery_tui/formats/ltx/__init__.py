"""LTX files, as Litestream v0.5 stores them: names, header, page index, pages, checksums; read and write.

An LTX file holds the newest version of every page that a range of transactions changed: a header of
100 bytes, page frames in rising order, six zero bytes, an index of the pages, and a trailer of 16
bytes. All integers are big-endian. What breaks a rule of the format is a `FormatError` that names it.
"""
