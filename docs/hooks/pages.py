"""Pages of the site that lie outside docs/: results, changelog, contributing, notebooks.

Links are written as they work in the repository. Here they are turned to where a file is in the
site; what is not part of the site, such as source code, is named instead.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]
PAGES = {
    "benchmarks/RESULTS.md": "results.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
NOTEBOOKS = {
    path.relative_to(ROOT).as_posix(): f"tutorials/{path.stem}.md"
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
PICTURES = {
    path.relative_to(ROOT).as_posix(): f"pictures/benchmarks/{path.name}"
    for path in sorted((ROOT / "benchmarks" / "pictures").iterdir())
}
BROUGHT = PAGES | NOTEBOOKS | PICTURES
HOME = {uri: name for name, uri in BROUGHT.items()}
LINK = re.compile(r"\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Bring the pages, pictures and notebooks that lie elsewhere."""
    for name, uri in (PAGES | PICTURES).items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    for name, uri in NOTEBOOKS.items():
        body, pictures = _converted(ROOT / name)
        files.append(File.generated(config, uri, content=body))
        for picture, data in pictures.items():
            place = f"tutorials/{picture}"
            files.append(File.generated(config, place, content=data))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links of the repository as links of the site."""
    here = page.file.src_uri
    home = HOME.get(here, f"docs/{here}")
    return LINK.sub(lambda found: _linked(found, here, home), markdown)


def _converted(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by name."""
    body, resources = MarkdownExporter().from_filename(str(notebook))
    own = f"{notebook.stem}_files"
    pictures = {f"{own}/{name}": data for name, data in resources.get("outputs", {}).items()}
    for name in resources.get("outputs", {}):
        body = body.replace(f"]({name})", f"]({own}/{name})")
    return body, pictures


def _linked(found: re.Match[str], here: str, home: str) -> str:
    """One link: as it is, to where its file is in the site, or as the file's name."""
    path, mark, anchor = found["target"].partition("#")
    if not path or ":" in path:
        return found[0]
    name = posixpath.normpath(posixpath.join(posixpath.dirname(home), path))
    uri = BROUGHT.get(name)
    if uri is None and name.startswith("docs/"):
        uri = name.removeprefix("docs/")
    if uri is None:
        return f"`{name}`" if (ROOT / name).exists() else found[0]
    return f"[{found['text']}]({posixpath.relpath(uri, posixpath.dirname(here))}{mark}{anchor})"
