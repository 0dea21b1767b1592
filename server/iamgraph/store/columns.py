"""Kinds of column that mean the same on SQLite and PostgreSQL: text that compares and sorts by its bytes."""

from __future__ import annotations

from tortoise import fields


class Word(fields.CharField[str]):
    """A short text that can be a key. It compares by bytes on both stores, whatever the database's locale.

    PostgreSQL gets no length: the application checks lengths, and a text that is looked up may have any.
    """

    class _db_postgres:
        SQL_TYPE = 'TEXT COLLATE "C"'


class Text(fields.TextField):
    """A text of any length."""

    class _db_postgres:
        SQL_TYPE = 'TEXT COLLATE "C"'
