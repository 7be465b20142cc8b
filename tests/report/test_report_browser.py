"""The page in a real browser: no accessibility rule broken, no overflow, nothing refused by its own policy, and it prints.

Needs Chromium (Debian: ``apt-get install chromium``); axe comes from the package axe-core-python, or from the file that
MLBROKER_TEST_AXE names.
"""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )
    if found is None:
        pytest.skip("Chromium is not here (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def axe() -> str:
    named = os.environ.get("MLBROKER_TEST_AXE")
    if named:
        return Path(named).read_text("utf-8")
    spec = importlib.util.find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe is not here (pip install axe-core-python, or set MLBROKER_TEST_AXE)")
    return next(Path(spec.origin).parent.rglob("axe.min.js")).read_text("utf-8")


def browse(chromium: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [
            chromium,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}",
            "--virtual-time-budget=30000",
            *arguments,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def _literal(text: str) -> str:
    """A text in a script that stands in HTML."""
    return (
        json.dumps(text)
        .replace("</", "<\\/")
        .replace("<!--", "<\\u0021--")
        .replace("<script", "<\\u0073cript")
    )


def looked_at(chromium: str, folder: Path, page: str, width: int, axe: str) -> dict[str, Any]:
    """The page in a frame of this width, without its policy so that axe can be put in."""
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    # Details are opened: what is folded must be as good.
    bare = bare.replace("<details>", "<details open>")
    script = (
        "const f=document.getElementById('f');f.onload=async()=>{const w=f.contentWindow,d=f.contentDocument;w.eval(AXE);"
        "const e=d.documentElement;const wide=[...d.body.querySelectorAll('*')].filter(x=>!x.closest('.scroll,svg,.hidden,.skip')"
        "&&x.getBoundingClientRect().right>e.clientWidth+1).map(x=>x.outerHTML.slice(0,120));"
        "const r=await w.axe.run(d,{runOnly:{type:'tag',values:RULES}});"
        "const out={scroll:e.scrollWidth,client:e.clientWidth,wide:wide.slice(0,5),passes:r.passes.length,"
        "violations:r.violations.map(v=>[v.id,v.nodes.slice(0,3).map(n=>n.html.slice(0,200))])};"
        "const p=document.createElement('pre');p.id='found';p.textContent=JSON.stringify(out);document.body.append(p)};"
    )
    outer = (
        "<!doctype html><title>t</title><body style='margin:0'>"
        f"<iframe id='f' title='page' style='width:{width}px;height:900px;border:0'></iframe>"
        f"<script>const AXE={_literal(axe)},RULES={json.dumps(RULES)};{script}"
        f"f.srcdoc={_literal(bare)}</script>"
    )
    path = folder / f"outer-{width}.html"
    path.write_text(outer, "utf-8")
    done = browse(chromium, folder, "--window-size=1400,1000", "--dump-dom", path.as_uri())
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, "the page was not looked at"
    return dict(json.loads(html.unescape(found[1])))


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_no_rule_is_broken_and_nothing_overflows(
    chromium: str, axe: str, page: str, tmp_path: Path, width: int
) -> None:
    found = looked_at(chromium, tmp_path, page, width, axe)
    assert found["client"] == width
    assert found["scroll"] <= width, found["wide"]
    assert found["wide"] == []
    assert found["violations"] == []
    assert found["passes"] > 25


def test_axe_finds_what_is_wrong(chromium: str, axe: str, page: str, tmp_path: Path) -> None:
    """The check itself can fail."""
    worse = (
        page.replace('role="img" aria-label=', 'role="img" data-x=')
        .replace('lang="en"', "")
        .replace("<h1>", "<p style='width:3000px'>wide</p><h1>")
    )
    found = looked_at(chromium, tmp_path, worse, 360, axe)
    assert {name for name, _ in found["violations"]} >= {"svg-img-alt", "html-has-lang"}
    assert found["scroll"] > 360


def test_its_own_policy_refuses_nothing(chromium: str, page_file: Path, tmp_path: Path) -> None:
    done = browse(chromium, tmp_path, "--enable-logging=stderr", "--dump-dom", page_file.as_uri())
    assert "Content Security Policy" not in done.stderr
    assert "Refused to" not in done.stderr
    body = re.search(r"<h1>(.*?)</h1>", done.stdout)
    assert body is not None


def test_the_policy_refuses_what_is_not_the_pages(chromium: str, page: str, tmp_path: Path) -> None:
    path = tmp_path / "evil.html"
    path.write_text(
        page.replace("</main>", "<script>document.title='run'</script><img src=x></main>"), "utf-8"
    )
    done = browse(chromium, tmp_path, "--enable-logging=stderr", "--dump-dom", path.as_uri())
    assert "Content Security Policy" in done.stderr
    assert "<title>run" not in done.stdout


def test_it_prints(chromium: str, page_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    browse(chromium, tmp_path, f"--print-to-pdf={out}", "--no-pdf-header-footer", page_file.as_uri())
    body = out.read_bytes()
    assert body.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", body)) >= 4
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", str(out), "-"], check=True, capture_output=True, text=True).stdout
        assert "what scale readiness is made of" in text
        assert "price book" in text  # of a folded table, which is open on paper
