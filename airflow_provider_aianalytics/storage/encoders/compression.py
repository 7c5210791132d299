# SPDX-License-Identifier: Apache-2.0
"""The compressors of text files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Protocol

GZIP_LEVEL = 1
ZSTD_LEVEL = 3
ZSTD_MEMORY = {"window_log": 18, "hash_log": 15, "chain_log": 14}
"""A window has up to 90 files open at once. Of days of JSON this costs no size, in a third of the memory and faster."""


class Sink(Protocol):
    """Where bytes go: a file, or a compressor in front of one."""

    def write(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


def _gzip(file: IO[bytes]) -> Sink:
    from isal import igzip

    # No name and no time in the header, by which no two files would be equal.
    return igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0)  # type: ignore[no-untyped-call]


def _zstd(file: IO[bytes]) -> Sink:
    import zstandard

    parameters = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, **ZSTD_MEMORY)
    return zstandard.ZstdCompressor(compression_params=parameters).stream_writer(file, closefd=False)


COMPRESSIONS: Mapping[str, tuple[str, Callable[[IO[bytes]], Sink] | None]] = {
    "gzip": (".gz", _gzip),
    "zstd": (".zst", _zstd),
    "none": ("", None),
}
"""The ending and the compressor of each compression."""
