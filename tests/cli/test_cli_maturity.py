"""``mlbroker maturity``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli_support import NASTY, harmless

ROW = """provider = "aws"
[[evidence]]
member = "sla"
grade = 1
says = "{says}"
source = "{source}"
dated = 2026-11-01
services = ["rekognition"]
"""


def test_table_and_json_agree(cli: Any) -> None:
    found = cli.json("maturity", "--operation", "vision.label", "--as-of", "2026-11-21")
    cells = {each["provider"]: each for each in found["cells"]}
    assert set(cells) == {"aws", "gcp", "azure", "local"}
    assert cells["azure"]["high"] == 60
    assert cells["azure"]["caps"][0]["limit"] == 60
    assert set(found["weights"].values()) == {1.0}
    out = cli("maturity", "--operation", "vision.label", "--as-of", "2026-11-21").stdout
    assert "48 to 60" in out
    assert "at most 60" in " ".join(out.split())
    assert "as of 2026-11-21" in out


def test_details_show_each_member_with_source_and_day(cli: Any) -> None:
    out = cli(
        "maturity", "-p", "gcp", "--operation", "vision.label", "--as-of", "2026-11-21", "--details"
    ).stdout
    for said in ("SLA", "4 of 4", "cloud.google.com/vision/sla", "undated, stale", "unknown"):
        assert said in out
    for line in out.splitlines():
        assert line.strip().startswith("https://") or "https://" not in line, "a source has a line of its own"


def test_weights_and_own_evidence(cli: Any, home: Path) -> None:
    (home / "own.toml").write_text(ROW.format(says="ours", source="https://example.org/sla"))
    asked = (
        "maturity",
        "-p",
        "aws",
        "--operation",
        "vision.label",
        "--evidence",
        "own.toml",
        "--as-of",
        "2026-11-21",
    )
    others = [f"--weight={name}=0" for name in _members() if name != "sla"]
    cell = cli.json(*asked, *others)["cells"][0]
    assert (cell["low"], cell["high"]) == (25.0, 25.0)
    assert next(each for each in cell["evidence"] if each["member"] == "sla")["says"] == "ours"


def _members() -> list[str]:
    from broker.maturity.checklist import Member

    return [each.value for each in Member]


def test_check_passes_with_what_is_shipped_and_warns_of_age(cli: Any) -> None:
    found = cli.json("maturity", "check", "--as-of", "2026-11-21")
    assert found["slips"] == []
    assert found["rows"] > 100
    assert any("days old" in each for each in found["warnings"])
    much_later = cli.json("maturity", "check", "--as-of", "2027-11-21")
    assert len(much_later["warnings"]) > len(found["warnings"])


def test_check_groups_what_it_warns_of_and_shows_the_oldest_first(cli: Any) -> None:
    result = cli("maturity", "check", "--as-of", "2026-11-21")
    lines = result.stdout.splitlines()
    listed = [line for line in lines if ": evidence " in line]
    ages = [int(line.split(": evidence ")[1].split(" days")[0].replace(",", "")) for line in listed]
    assert len(ages) == 10
    assert ages == sorted(ages, reverse=True)
    assert all("https://" in line for line in listed), "an address is not broken over lines"
    assert result.stderr == ""
    found = cli.json("maturity", "check", "--as-of", "2026-11-21")
    assert lines[-1].endswith(f"{len(found['warnings'])} warnings; every one: mlbroker maturity check --all")
    told = {each["provider"]: each for each in found["providers"]}
    assert sum(each["rows"] for each in told.values()) == found["rows"]
    dated = sum(each["stale"] + each["undated"] for each in told.values())
    assert dated == sum(": evidence " in each for each in found["warnings"])
    for name, each in told.items():
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert f"{each['known']} of {each['asked']}" in line
    every = cli("maturity", "check", "--all", "--as-of", "2026-11-21")
    warned = "".join(every.stderr.split())
    assert all("".join(each.split()) in warned for each in found["warnings"])


def test_check_counts_a_provider_that_only_evidence_names(cli: Any, home: Path) -> None:
    (home / "own.toml").write_text(
        ROW.format(says="ours", source="https://example.org/x").replace("aws", "zoo")
    )
    found = cli.json("maturity", "check", "--evidence", "own.toml", "--as-of", "2026-11-21")
    assert found["providers"][-1] == {
        "provider": "zoo",
        "rows": 1,
        "stale": 0,
        "undated": 0,
        "oldest": "2026-11-01",
        "known": 0,
        "asked": 0,
    }


def test_check_finds_slips(cli: Any, home: Path) -> None:
    (home / "own.toml").write_text(ROW.format(says="ours", source="http://example.org"))
    result = cli("maturity", "check", "--evidence", "own.toml", "--as-of", "2026-11-21", code=1)
    assert "no https address" in result.stderr
    assert "1 slip" in result.stdout


def test_wrong_usage(cli: Any, home: Path) -> None:
    assert "members: launch_stage" in cli("maturity", "--weight", "speed=2", code=2).stderr
    assert "above 0" in cli("maturity", *[f"--weight={each}=0" for each in _members()], code=2).stderr
    assert "no such provider" in cli("maturity", "-p", "nobody", code=2).stderr
    assert "stand behind" in cli("maturity", "--json", "check", code=2).stderr
    assert "cannot be read" in cli("maturity", "--evidence", "absent.toml", code=3).stderr


def test_nothing_of_a_file_steers_the_terminal(cli: Any, home: Path) -> None:
    escaped = NASTY.replace("\r\n", " ").encode("unicode_escape").decode().replace("\\x", "\\u00")
    (home / "own.toml").write_text(ROW.format(says=f"a{escaped}b", source="https://example.org/x"))
    result = cli(
        "maturity", "-p", "aws", "--operation", "vision.label", "--details", "--evidence", "own.toml"
    )
    assert harmless(result.stdout)
