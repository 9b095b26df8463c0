"""Writing measured tables into RESULTS.md, with the machine and the versions."""

import os
import platform
import re
from pathlib import Path

import jax

from zsc.files import library_versions

RESULTS = Path(__file__).parent / "RESULTS.md"
PICTURES = Path(__file__).parent / "pictures"


def machine() -> str:
    """One line: processor, cores, device, versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text())
        model = found.group(1) if found else model
    device = jax.devices()[0].device_kind
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    python = platform.python_version()
    return f"{model}, {os.cpu_count()} cores, device {device}; Python {python}, {versions}"


def table(columns: list[str], rows: list[list[object]]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def interval_text(mean: float, low: float, high: float, digits: int = 0) -> str:
    """A mean with its bounds, or without if there are none."""
    if mean != mean:
        return "-"
    if low != low:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def write_section(name: str, text: str) -> None:
    """Put text between the markers of a section of RESULTS.md, and print it."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    body = f"{start}\n{text}\n\nMachine: {machine()}\n{end}"
    old = RESULTS.read_text() if RESULTS.exists() else "# Results\n"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    new = pattern.sub(lambda _: body, old) if pattern.search(old) else f"{old}\n{body}\n"
    RESULTS.write_text(new)
    print(text)
