"""Parquet files as a source: a column of pictures and a column of labels.

Pictures are read a few rows at a time, when they are decoded, so that a file can be larger than the
memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tsexplorer.errors import UserError
from tsexplorer.imaging.decoding import MAX_MEGABYTES, decode_net_input, display_name
from tsexplorer.importing.arrays import LABEL_KEYS, named_classes
from tsexplorer.importing.entries import (
    MAX_CLASSES,
    MAX_IMAGES,
    PART_NAMES,
    Entry,
    InputShape,
    Part,
    Pixels,
    Source,
    check_classes,
    part_in_name,
    sorted_naturally,
)

PICTURE_ROWS = 16
"""Rows that are read at once; a row of a dictionary-encoded column can be as large as a page."""
TEXT_ROWS, NUMBER_ROWS = 32, 4096
MAX_LABEL = 1000
"""Characters of a label."""


def parquet_source(path: Path, name: str) -> Source:
    """Images in a Parquet file, or in all of a folder (shards).

    A column has the bytes of picture files, or a struct with a field ``bytes``; another one the
    labels. The words train, validation and test in names of files and folders say which split it
    is. A row without a label is an unlabelled image.

    Args:
        path: a file or a folder.
        name: its name, for display.

    Raises:
        UserError: a file is damaged, or has no images or no labels.
    """
    if path.is_file():
        tables = [_Table(path, name, None)]
    else:
        found = {
            file.relative_to(path).as_posix(): file
            for file in path.rglob("*.parquet")
            if file.is_file() and not file.is_symlink()
        }
        tables = [
            _Table(found[key], found[key].name, _part(key)) for key in sorted_naturally(found)
        ]
    shown_name = display_name(name)
    count = sum(table.rows for table in tables)
    if count > MAX_IMAGES:
        raise UserError(
            f"{shown_name} has {count:,} rows, and the limit is {MAX_IMAGES:,}; import fewer files."
        )
    labels = _read_labels(tables, shown_name)
    values = sorted_naturally({value for column in labels for value in column if value is not None})
    if not values:
        raise UserError(f"{shown_name} has no rows with a label; fill the column of labels.")
    names = next((table.class_names for table in tables if table.class_names), None)
    classes = check_classes(named_classes(values, names, shown_name))
    label_by_value = {value: label for label, value in enumerate(values)}
    entries = [
        Entry(
            f"{table.name} {row}",
            -1 if value is None else label_by_value[value],
            "unlabelled" if value is None else table.part,
            partial(_read_picture, table, row),
        )
        for table, column in zip(tables, labels, strict=True)
        for row, value in enumerate(column)
    ]
    return Source(name, classes, entries)


def _part(relative: str) -> Part | None:
    """The split of a shard, from the name of the file or of a folder above it."""
    *folders, file = relative.split("/")
    above = (PART_NAMES.get(folder.casefold()) or part_in_name(folder) for folder in folders[::-1])
    return part_in_name(file) or next(filter(None, above), None)


def _read_labels(tables: list[_Table], shown_name: str) -> list[list[str | None]]:
    """Labels of all rows by table, as text; None: no label."""
    known: dict[str, str] = {}
    columns: list[list[str | None]] = []
    for table in tables:
        column: list[str | None] = []
        for value in table.labels():
            text = None if value is None else str(value)
            if isinstance(value, int) and value < 0:
                raise UserError(
                    f"{display_name(table.name)}: the label {value} is negative; number the "
                    "classes from 0, and leave the label of an unlabelled image empty."
                )
            if text is not None:
                if len(text) > MAX_LABEL:
                    raise UserError(
                        f"{display_name(table.name)} has a label of {len(text):,} characters; use "
                        f"at most {MAX_LABEL:,}."
                    )
                text = known.setdefault(text, text)
            if len(known) > MAX_CLASSES:
                raise UserError(
                    f"The labels in {shown_name} have more than {MAX_CLASSES} different values, "
                    "which is the limit; import the images of fewer classes."
                )
            column.append(text)
        columns.append(column)
    return columns


def _read_picture(table: _Table, row: int, wanted: InputShape) -> Pixels:
    name = f"{table.name} {row}"
    content = table.picture(row)
    if len(content) > MAX_MEGABYTES * 1_000_000:
        raise UserError(f"{display_name(name)} has more than {MAX_MEGABYTES} MB; make it smaller.")
    return decode_net_input(content, name, *wanted)


class _Table:
    """A Parquet file.

    Attributes:
        name: of the file, for display.
        part: the split of its rows; None: the import decides.
        rows: number of rows.
        class_names: names of the classes that the library "datasets" stores with a table.
    """

    def __init__(self, path: Path, name: str, part: Part | None) -> None:
        import pyarrow.parquet as parquet
        import pyarrow.types as types

        self.name, self.part = name, part
        try:
            self._file = parquet.ParquetFile(path)
            schema = self._file.schema_arrow
            self.rows = int(self._file.metadata.num_rows)
        except Exception as error:  # pyarrow raises many kinds, also OSError and ValueError
            raise self._damaged() from error
        self._image, self._label = _columns(schema, display_name(name))
        numbers = types.is_integer(schema.field(self._label).type)
        self._label_rows = NUMBER_ROWS if numbers else TEXT_ROWS
        self.class_names = _stored_class_names(schema, self._label)
        self._lock = threading.Lock()
        self._batches: Iterator[Any] = iter(())
        self._next = self.rows  # so that the first picture starts to read
        self._read: dict[int, bytes] = {}

    def labels(self) -> Iterator[Any]:
        """The labels, row after row."""
        count = 0
        try:
            for batch in self._file.iter_batches(self._label_rows, columns=[self._label]):
                values = batch.column(0).to_pylist()
                count += len(values)
                yield from values
        except Exception as error:
            raise self._damaged() from error
        if count != self.rows:
            raise self._damaged()

    def picture(self, row: int) -> bytes:
        """The bytes of a picture. Rows are expected about in their order, each once."""
        with self._lock:
            if row not in self._read and row < self._next:
                self._batches = self._file.iter_batches(PICTURE_ROWS, columns=[self._image])
                self._next = 0
                self._read.clear()
            try:
                while row not in self._read:
                    for value in next(self._batches).column(0).to_pylist():
                        content = value.get("bytes") if isinstance(value, dict) else value
                        self._read[self._next] = content or b""
                        self._next += 1
            except Exception as error:  # StopIteration: the file has fewer rows than it says
                raise self._damaged() from error
            return self._read.pop(row)

    def _damaged(self) -> UserError:
        return UserError(f"{display_name(self.name)} is a damaged Parquet file; get it again.")


def _columns(schema: Any, shown_name: str) -> tuple[str, str]:
    """Names of the columns of images (with the field, for a struct) and of labels."""
    import pyarrow.types as types

    def is_binary(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    def is_label(kind: Any) -> bool:
        if types.is_dictionary(kind):
            kind = kind.value_type
        return bool(types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind))

    images = [
        field.name if is_binary(field.type) else f"{field.name}.bytes"
        for field in schema
        if is_binary(field.type)
        or (types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
    ]
    if not images:
        raise UserError(
            f"{shown_name} has no column of pictures; it needs one with the bytes of picture files."
        )
    labels = [field.name for field in schema if is_label(field.type)]
    preferred = [name for name in labels if name in LABEL_KEYS or "label" in name.casefold()]
    if not labels:
        raise UserError(f"{shown_name} has no column of labels; it needs one of numbers or text.")
    return images[0], (preferred or labels)[0]


def _stored_class_names(schema: Any, column: str) -> list[str] | None:
    try:
        stored = json.loads(schema.metadata[b"huggingface"])
        names = stored["info"]["features"][column]["names"]
        return [str(name) for name in names]
    except (TypeError, KeyError, ValueError):
        return None
