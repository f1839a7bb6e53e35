"""The story of a benchmark: figures, gates, a baseline, another version, a service elsewhere, and what goes wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from mlship.serving import running
from tests.e2e.conftest import Mlship

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text("utf-8"))
FAST = "[optimize]\nseconds = 0.1\n[benchmark]\nseconds = 0.1\nstarts = 1\nsizes = [1]\nconnections = [8]\n"


@pytest.fixture(scope="module")
def shipped(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a service, whose sample tells the true answers."""
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "mlship.toml").write_text(FAST)
    command = str(Path(sys.executable).with_name("mlship"))
    model = [str(trained / "forest.joblib"), "--data", str(trained / "forest.csv"), "--target", "cultivar"]
    for stage in (["convert", *model], ["optimize"], ["scaffold", "--framework", "asgi"]):
        subprocess.run([command, *stage], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def folder(shipped: Path, tmp_path: Path) -> Path:
    """Return a copy of that workspace."""
    return Path(shutil.copytree(shipped, tmp_path / "project"))


@pytest.fixture(scope="module")
def benchmarked(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that workspace after a benchmark, whose report is in main/ too and whose figures are saved."""
    folder = Path(shutil.copytree(shipped, tmp_path_factory.mktemp("benchmarked") / "project"))
    command = [str(Path(sys.executable).with_name("mlship")), "benchmark", "--save", "--output", str(folder / "main")]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def measured(benchmarked: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(benchmarked, tmp_path / "project"))


def report_of(folder: Path, name: str = "report.json") -> Any:
    document = json.loads((folder / name).read_text("utf-8"))
    jsonschema.validate(document, SCHEMA)
    return document


def figures(report: Any) -> set[tuple[str, str, str]]:
    return {(each["metric"], each["of"], each["load"]) for each in report["measurements"]}


def test_a_benchmark_measures_the_model_and_the_service(mlship: Mlship, folder: Path) -> None:
    loads = ("--rate", "200", "--connections", "8")
    settings = ("--set", "seconds=0.2", "--set", "starts=2", "--set", "sizes=[1, 50]")
    ran = mlship("benchmark", *loads, *settings, "--price", "0.2", "--output", "out", cwd=folder)
    assert ran.code == 0, ran.err
    report = report_of(folder / "out")
    found = figures(report)
    assert {("p50", "original", "1 row"), ("p50", "converted", "50 rows"), ("throughput", "service", "c8")} <= found
    assert {("p50", "service", "200/s"), ("cost", "service", "c8"), ("cold_start", "service", "")} <= found
    assert {("rss", "service", ""), ("cpu", "service", "c8"), ("accuracy", "original", "")} <= found
    assert report["parity"]["passed"]
    assert {"report.html", "report.md", "report.csv"} <= {path.name for path in (folder / "out").iterdir()}
    assert "report.html" not in ran.out or (folder / ran.out.split(":")[0]).exists()


def test_a_long_load_is_told_over_time(mlship: Mlship, folder: Path) -> None:
    ran = mlship("benchmark", "--rate", "100", "--duration", "3s", "--poisson", cwd=folder)
    assert ran.code == 0, ran.err
    [timeline] = report_of(folder / ".mlship" / "benchmark" / "report")["timelines"]
    assert timeline["load"] == "100/s-poisson"
    assert len(timeline["moments"]) >= 3
    assert all(moment["rss_bytes"] > 1e7 for moment in timeline["moments"])


def test_the_highest_rate_within_an_objective_is_found(mlship: Mlship, folder: Path) -> None:
    ran = mlship("benchmark", "--slo", "p99=250ms", "--connections", "8", cwd=folder)
    assert ran.code == 0, ran.err
    [capacity] = report_of(folder / ".mlship" / "benchmark" / "report")["capacities"]
    assert (capacity["metric"], capacity["limit"]) == ("p99", 0.25)
    assert capacity["rate"] > 0
    assert len(capacity["steps"]) > 2


def test_a_gate_that_fires_fails_the_job_and_leaves_the_report(mlship: Mlship, folder: Path) -> None:
    gates = ("--fail-if", "p50@c8 > 1ns", "--fail-if", "accuracy < 0.5")
    ran = mlship("benchmark", *gates, "--output", "out", cwd=folder, GITHUB_STEP_SUMMARY=str(folder / "summary.md"))
    assert ran.code == 4
    assert "p50@c8" in ran.err
    outcomes = {each["expression"]: each["outcome"] for each in report_of(folder / "out")["verdicts"]}
    assert outcomes == {"p50@c8 > 1ns": "failed", "accuracy < 0.5": "passed"}
    suite = ElementTree.parse(folder / "out" / "junit.xml").getroot()
    [failed] = [case.get("name", "") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failed.startswith("p50@c8 > 1ns")
    assert "p50@c8" in (folder / "summary.md").read_text("utf-8")
    assert mlship("report", cwd=folder).code == 0


#: A service of the user's own that answers any rows alike.
WRONG = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"prediction": ["none"]}')

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_wrong_answer_is_a_failed_case_and_no_older_report_is_published(mlship: Mlship, folder: Path) -> None:
    assert mlship("benchmark", "--fail-if", "size@converted > 1B", cwd=folder).code == 4
    ran = mlship("benchmark", "--fail-if", "p50@nowhere > 1s", "--output", "out", cwd=folder)
    assert ran.code == 2
    assert not (folder / "out").exists()
    (folder / "service" / "serve.py").write_text(WRONG)
    ran = mlship("benchmark", "--output", "out", "--save", cwd=folder)
    assert ran.code == 4, ran.err
    assert not report_of(folder / "out")["parity"]["passed"]
    suite = ElementTree.parse(folder / "out" / "junit.xml").getroot()
    assert [case.get("classname") for case in suite.iter("testcase")] == ["mlship.parity"]
    assert "not added to benchmarks.jsonl" in ran.err
    assert not (folder / "benchmarks.jsonl").exists()


def test_gates_and_the_baseline_of_the_workspace_hold_without_flags(mlship: Mlship, measured: Path) -> None:
    gates = "baseline = 'main/report.json'\nfail_if = ['size@converted > +0%']\n"
    (measured / "mlship.toml").write_text(f"{FAST}{gates}")
    assert mlship("benchmark", "-w", measured.name, cwd=measured.parent).code == 0
    older = report_of(measured / "main")
    for each in older["measurements"]:
        each["value"] /= 2 if each["metric"] == "size" else 1
    (measured / "main" / "report.json").write_text(json.dumps(older))
    ran = mlship("benchmark", "-w", measured.name, cwd=measured.parent)  # the baseline is read each time
    assert ran.code == 4
    assert "size@converted" in ran.err


def test_a_change_is_held_against_an_older_report(mlship: Mlship, measured: Path) -> None:
    gates = ("--fail-if", "p50@c8 > +900%", "--fail-if", "size@converted > +0%")
    ran = mlship("benchmark", "--baseline", "main/report.json", *gates, "--output", "out", cwd=measured)
    assert ran.code == 0, ran.err
    report = report_of(measured / "out")
    outcomes = {each["metric"]: each["outcome"] for each in report["verdicts"] if each["relative"]}
    # so short a run may not know its median to a factor of ten, and says so
    assert outcomes["size"] == "passed"
    assert outcomes["p50"] in {"passed", "unclear"}
    assert report["baseline"]


def test_a_baseline_of_another_machine_is_refused_before_anything_is_measured(mlship: Mlship, measured: Path) -> None:
    older = report_of(measured / "main")
    older["host"]["cpu_model"] = "another one"
    (measured / "other.json").write_text(json.dumps(older))
    ran = mlship("benchmark", "--baseline", "other.json", "--fail-if", "p50@c8 > +900%", cwd=measured)
    assert ran.code == 2
    assert "another one" in ran.err
    assert "--across-hosts" in ran.err
    across = ("--across-hosts", "--fail-if", "p50@c8 > +900%")
    assert mlship("benchmark", "--baseline", "other.json", *across, cwd=measured).code == 0


def test_two_versions_take_turns_under_all_loads_that_are_named(mlship: Mlship, folder: Path, shipped: Path) -> None:
    gates = ("--fail-if", "p50 > +900%", "--fail-if", "throughput < -90%")
    loads = ("--connections", "1", "--connections", "32")
    ran = mlship("benchmark", "--against", str(shipped), "--duration", "3s", *loads, *gates, "--json", cwd=folder)
    assert ran.code == 0, ran.err
    report = report_of(folder / ".mlship" / "reports" / "comparison")
    assert [load["name"] for load in report["loads"]] == ["c1", "c32"]
    ratios = {each["metric"]: each for each in report["ratios"]}
    assert ratios["p50"]["over"] == "other"
    assert len(ratios["p50"]["rounds"]) >= 6
    assert {each["outcome"] for each in report["verdicts"]} == {"passed"}


def test_models_are_compared_where_there_is_no_service(mlship: Mlship, folder: Path, shipped: Path) -> None:
    assert mlship("clean", "--help").code == 0
    shutil.rmtree(folder / "service")
    lock = json.loads((folder / "mlship.lock").read_text())
    del lock["stages"]["scaffold"]
    (folder / "mlship.lock").write_text(json.dumps(lock))
    ran = mlship("benchmark", "--against", str(shipped), "--duration", "3s", cwd=folder)
    assert ran.code == 0, ran.err
    report = report_of(folder / ".mlship" / "reports" / "comparison")
    assert {each["load"] for each in report["ratios"]} == {"1 row", "100 rows"}


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with running(folder / "service") as service:
        yield service.url


@pytest.mark.parametrize("path", ["", "/v2/models/forest"])
def test_a_service_elsewhere_is_measured(mlship: Mlship, folder: Path, address: str, path: str) -> None:
    name = json.loads((folder / "service" / "model" / "signature.json").read_text())["model"]
    url = f"{address}{path.replace('forest', name)}"
    ran = mlship("benchmark", "--url", url, "--rate", "300", "--duration", "2s", cwd=folder)
    assert ran.code == 0, ran.err
    report = report_of(folder / ".mlship" / "reports" / "url")
    assert [load["name"] for load in report["loads"]] == ["300/s"]
    assert report["kind"] == "url"


def test_a_service_that_asks_for_a_key_is_measured_with_one(mlship: Mlship, folder: Path) -> None:
    with running(folder / "service", environment={"API_KEYS": "a-secret"}, ask=None) as service:
        refused = mlship("benchmark", "--url", service.url, cwd=folder)
        assert refused.code == 1
        assert "--header" in refused.err
        key = ("--header", "X-API-Key: a-secret")
        ran = mlship("benchmark", "--url", service.url, *key, "--connections", "2", cwd=folder)
    assert ran.code == 0, ran.err
    kept = folder / ".mlship" / "reports" / "url"
    assert not any("a-secret" in path.read_text("utf-8") for path in kept.iterdir())


def test_what_is_saved_becomes_a_page_of_releases(mlship: Mlship, measured: Path) -> None:
    assert mlship("benchmark", "--save", cwd=measured).code == 0
    assert len((measured / "benchmarks.jsonl").read_text("utf-8").splitlines()) == 2
    opened = measured / "opened"
    browser = measured / "browser.sh"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n')
    browser.chmod(0o755)
    ran = mlship("report", "--history", "--open", cwd=measured, BROWSER=f"{browser} %s")
    assert ran.code == 0, ran.err
    assert "2 benchmarks" in ran.out
    assert opened.read_text().endswith("/history.html")
    ran = mlship("benchmark", "--baseline", "benchmarks.jsonl", "--fail-if", "p50@c8 > +900%", cwd=measured)
    assert ran.code == 0, ran.err


def test_ctrl_c_leaves_the_report_of_what_was_measured(folder: Path) -> None:
    command = [str(Path(sys.executable).with_name("mlship")), "benchmark", "--rate", "50", "--duration", "60s", "-v"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, process_group=0) as process:
        try:
            said: list[str] = []
            for line in process.stderr or ():
                said.append(line)
                if "50 requests a second" in line:
                    break
            time.sleep(3)  # so that a moment has been measured
            os.killpg(process.pid, signal.SIGINT)
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, rest
    report = report_of(folder / ".mlship" / "failed" / "benchmark" / "report")
    assert report["interrupted"]
    assert ("p50", "service", "50/s") in figures(report)
    assert ".mlship/failed/benchmark" in rest


Edit = Callable[[Path], None]


def _nothing(_: Path) -> None:
    pass


def _old_report(folder: Path) -> None:
    (folder / "old.json").write_text('{"schema_version": 1}')


def _old_history(folder: Path) -> None:
    (folder / "benchmarks.jsonl").write_text('{"schema_version": 1}\n')


@pytest.mark.parametrize(
    ("words", "code", "told", "edit"),
    [
        (["--fail-if", "p98 > 20ms"], 2, "did you mean 'p99'", _nothing),
        (["--fail-if", "p99 > 20"], 2, "unit", _nothing),
        (["--fail-if", "p99 < 20ms"], 2, "p99 > 20ms", _nothing),
        (["--fail-if", "p99 > +10%"], 2, "--baseline", _nothing),
        (["--baseline", "nowhere.json"], 2, "nowhere.json", _nothing),
        (["--baseline", "old.json"], 2, "schema version 1", _old_report),
        (["--slo", "p99"], 2, "p99=20ms", _nothing),
        (["--duration", "10"], 2, "60s", _nothing),
        (["--rate", "inf"], 2, "rates", _nothing),
        (["--price", "nan"], 2, "price", _nothing),
        (["--poisson"], 2, "--rate", _nothing),
        (["--output", "mlship.toml"], 2, "not a folder", _nothing),
        (["--output", ".mlship/benchmark/report"], 2, "its own files", _nothing),
        (["--save"], 2, "schema version 1", _old_history),
        (["--against", ".", "--price", "1"], 2, "no effect", _nothing),
        (["--url", "http://127.0.0.1:9", "--target", "cultivar"], 2, "no effect", _nothing),
        (["--url", "http://127.0.0.1:9", "--against", "."], 2, "do not go together", _nothing),
        (["--url", "http://127.0.0.1:9"], 1, "connection refused", _nothing),
        (["--url", "ftp://127.0.0.1"], 1, "not the address of a service", _nothing),
        (["--against", "nowhere"], 2, "nowhere", _nothing),
    ],
    ids=lambda value: "-".join(value)[:30].replace("/", "") if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_said_at_once(
    mlship: Mlship, folder: Path, words: list[str], code: int, told: str, edit: Edit
) -> None:
    edit(folder)
    ran = mlship("benchmark", *words, cwd=folder)
    assert ran.code == code
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_a_page_outside_of_a_workspace_stands_beside_its_report(
    mlship: Mlship, benchmarked: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(benchmarked / "main" / "report.json", elsewhere / "main.json")
    shutil.copy(benchmarked / "benchmarks.jsonl", elsewhere)
    assert mlship("report", "main.json", cwd=elsewhere).code == 0
    assert mlship("report", "--history", ".", cwd=elsewhere).code == 0
    names = {path.name for path in elsewhere.iterdir()}
    assert names == {"main.json", "main.html", "benchmarks.jsonl", "benchmarks.html"}


@pytest.mark.parametrize(
    "words", [["benchmark"], ["benchmark", "--url", "127.0.0.1:9"], ["report"], ["report", "--history"]]
)
def test_an_empty_folder_is_told_what_comes_first(mlship: Mlship, words: list[str]) -> None:
    ran = mlship(*words)
    assert ran.code in {1, 2}
    assert "hint:" in ran.err
