"""A cross-play as one web page: films of its cells, tables, pictures."""

from zsc.evaluation.report.page import FILMS, Extras, Provenance, write_report

__all__ = ["FILMS", "Extras", "Provenance", "write_report"]
