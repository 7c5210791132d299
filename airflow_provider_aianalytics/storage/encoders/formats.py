# SPDX-License-Identifier: Apache-2.0
"""The file formats: what they are called and how their files end.

- ``ndjson`` is lossless: every record as the vendor sent it.
- ``parquet`` and ``csv`` are typed and flat: :mod:`..storage.typed.schema` lists the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.storage.encoders.compression import COMPRESSIONS

FORMATS = ("ndjson", "parquet", "csv")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format and its compression.

    :param name: ``ndjson``, ``parquet`` or ``csv``.
    :param compression: ``gzip``, ``zstd`` or ``none``; in Parquet the codec of its pages.
    :raises InvalidArgumentError: for any other, and for Parquet where pyarrow is not installed.
    """

    name: str
    compression: str

    def __post_init__(self) -> None:
        if self.name not in FORMATS:
            raise InvalidArgumentError(f"file_format {self.name!r} is not allowed; allowed: {', '.join(FORMATS)}")
        if self.compression not in tuple(COMPRESSIONS):
            raise InvalidArgumentError(
                f"compression {self.compression!r} is not allowed; allowed: {', '.join(COMPRESSIONS)}"
            )
        if self.name == "parquet" and find_spec("pyarrow") is None:
            raise InvalidArgumentError(
                "file_format 'parquet' needs pyarrow, which is not installed; "
                "pip install 'airflow-provider-aianalytics[parquet]', or choose ndjson or csv"
            )

    @property
    def suffix(self) -> str:
        """The ending of the file's name, with its first dot; Parquet's says nothing of its codec."""
        return ".parquet" if self.name == "parquet" else f".{self.name}{COMPRESSIONS[self.compression][0]}"

    @property
    def is_plain(self) -> bool:
        """Whether a file is its own content, of which there is a digest already."""
        return self.name == "parquet" or self.compression == "none"
