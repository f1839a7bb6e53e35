"""Sessions for those who work on mlship. ``nox -l`` lists them; what comes after ``--`` goes to the tool.

CI calls the test command of README.md and ``nox -s lint typecheck``.
"""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "typecheck", "tests"]

SERVICE = "templates/service"
SERVERS = {"asgi": "uvicorn", "fastapi": "uvicorn", "flask": "granian", "django": "granian"}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and the direction of imports."""
    session.install("-e", ".", "ruff", "import-linter", "-c", "constraints.txt")
    session.run("ruff", "check", ".", *session.posargs)
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Type-check the package, strictly, and the served code as it stands."""
    parts = ".[flask,django,grpc,otel,parquet]"
    session.install(
        "-e", parts, "mypy", "pytest", "pandas-stubs", "types-psutil", "types-requests", "-c", "constraints.txt"
    )
    session.run("mypy", *session.posargs)
    cache = Path(session.create_tmp()).resolve()  # not in templates/, which becomes part of the wheel
    session.chdir(SERVICE)
    for framework, server in SERVERS.items():
        folders = [f"apps/{framework}", f"servers/{server}"]
        path = {"MYPYPATH": ":".join([".", *folders])}
        session.run("mypy", "--cache-dir", str(cache / framework), "core", "tests", *folders, env=path)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests; docker tests are skipped by name where no engine answers."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("pytest", *session.posargs)


@nox.session
def contract(session: nox.Session) -> None:
    """Run the contract suite that every plugin has to pass."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("pytest", "tests/contract", *session.posargs)


@nox.session
def docker(session: nox.Session) -> None:
    """Run the tests that need a container engine; without one they fail."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("pytest", "-m", "docker", *session.posargs, env={"MLSHIP_REQUIRE_DOCKER": "1"})


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the stories of the installed command."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("pytest", "tests/e2e", *session.posargs)


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the unit tests on the oldest versions that pyproject.toml allows."""
    session.install("uv")
    session.run(
        "uv",
        "pip",
        "install",
        "--resolution",
        "lowest-direct",
        "-e",
        ".[test]",
        "--python",
        session.virtualenv.location,
    )
    session.run("pytest", "tests/unit", "-W", "default", *session.posargs)  # old libraries warn of what came since


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, install the wheel into a clean environment, scaffold there, and use an outside plugin."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("pytest", "tests/e2e/test_wheel.py", *session.posargs)


@nox.session
def gates(session: nox.Session) -> None:
    """Ship a model and hold its service to gates, as a CI job of a user would."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("bash", "scripts/ci-gates.sh", str(Path(session.bin)), external=True)


@nox.session
def linters(session: nox.Session) -> None:
    """Hold the Dockerfiles that mlship writes against hadolint and checkov."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    session.run("bash", "scripts/ci-linters.sh", str(Path(session.bin)), external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the reference pages from the code; ``-- --check`` only compares them."""
    session.install("-e", ".")
    session.run("python", "scripts/reference.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; each prints ratios. ``-- pipelines`` prints one figure of the conversion only."""
    session.install("-e", ".[test]", "-c", "constraints.txt")
    if not session.posargs:
        session.run("python", "benchmarks/startup.py")
    session.run("python", "-m", "benchmarks.conversion", *session.posargs)
