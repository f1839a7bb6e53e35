"""The workspace: where stages write, so that a run killed at any moment leaves things as before or as after.

A stage writes into a temporary folder. Its commit is one small journal file: once that is in place the commit is done,
and whoever opens the workspace next finishes moving what it names. Without a journal nothing has happened.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mlship import manifest
from mlship.artifacts import MARK, Artifact, digest, files, measure, storage_error, write_atomic
from mlship.errors import DamagedWorkspaceError, WorkspaceError
from mlship.manifest import File, Manifest, Record

#: The stages, in order; there is one of deploy for each target, called deploy/TARGET.
ORDER = ("convert", "optimize", "scaffold", "benchmark", "build", "deploy")

#: In a folder that the user gets: the part that stays mlship's.
OURS = "model/"


class Workspace:
    """A folder with mlship.toml (the user's), mlship.lock and .mlship/ (ours)."""

    def __init__(self, root: Path, patience: float = 600.0) -> None:
        self.root = root
        self.lock_file = root / "mlship.lock"
        self.config_file = root / "mlship.toml"
        self._home = root / ".mlship"
        self._temporary = self._home / "tmp"
        self._journal = self._home / "commit.json"
        self._patience = patience

    def manifest(self) -> Manifest:
        """Return what mlship.lock says; raises DamagedWorkspaceError when it cannot be read."""
        return manifest.read(self.lock_file)

    def folder(self, stage: str) -> Path:
        """Return the folder that holds the artifacts of ``stage``."""
        return self._home / stage

    def failed(self, stage: str) -> Path:
        """Return the folder that keeps what ``stage`` had written when its gate was not met."""
        return self._home / "failed" / stage

    def shown(self, path: Path) -> str:
        """Return ``path`` as users know it: relative to the workspace where it lies inside."""
        resolved = path.resolve()
        root = self.root.resolve()
        if resolved.is_relative_to(root):
            return resolved.relative_to(root).as_posix()
        return str(path) if path.is_absolute() else Path(os.path.relpath(resolved, root)).as_posix()

    def located(self, file: File) -> Path:
        """Return where a file of the lock lies."""
        return self.root / file.path

    @contextmanager
    def locked(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Hold the workspace against other processes; finish or forget what a killed run left behind.

        Waits with patience, telling ``on_wait`` who holds it; then raises WorkspaceError.
        """
        lock, holder = self._open_lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = _read_holder(holder)
            on_wait(f"waiting for {who}, which holds this workspace")
            try:
                lock.acquire(timeout=self._patience)
            except Timeout:
                raise WorkspaceError(f"the workspace is held by {who}", "wait for it, or use another: -w DIR") from None
        try:
            self._recover(holder)
            yield
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)
            lock.release()

    def _open_lock(self) -> tuple[FileLock, Path]:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            ignore = self._home / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
            probe, name = tempfile.mkstemp(dir=self._home)
            os.close(probe)
            Path(name).unlink()
        except OSError as error:
            raise storage_error(error) from error
        return FileLock(self._home / "lock"), self._home / "holder"

    def _recover(self, holder: Path) -> None:
        try:
            holder.write_text(f"process {os.getpid()} ({' '.join(['mlship', *sys.argv[1:2]])})")
            if self._journal.exists():
                self._finish()
            shutil.rmtree(self._temporary, ignore_errors=True)
        except OSError as error:
            raise storage_error(error) from error

    @contextmanager
    def staging(self, stage: str) -> Iterator[Path]:
        """Give a temporary folder to write in; it is gone afterwards, committed or not."""
        self._temporary.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{stage.replace('/', '-')}-", dir=self._temporary))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep_failed(self, stage: str, folder: Path) -> Path:
        """Keep what a stage wrote before its gate failed, instead of what was kept before."""
        kept = self.failed(stage)
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(kept)
        return kept

    def commit(self, record: Record, folder: Path, publish: str | None) -> None:
        """Make ``folder`` the artifacts of the record's stage, and the record part of mlship.lock.

        ``publish`` names an artifact kind (a folder) that the user gets a copy of beside mlship.toml.
        """
        journal = {"folder": folder.name, "publish": publish, "record": record.model_dump(mode="json")}
        write_atomic(self._journal, manifest.dumps(journal).encode())
        self._finish()

    def _finish(self) -> None:
        """Do what the journal says. Every step may have been done before: this runs again after a crash."""
        journal = json.loads(self._journal.read_text("utf-8"))
        record = Record.model_validate_json(json.dumps(journal["record"]))
        fresh, place = self._temporary / journal["folder"], self.folder(record.stage)
        if fresh.exists():
            if place.exists():
                place.rename(Path(tempfile.mkdtemp(dir=self._temporary)) / "old")
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.rename(place)
        if journal["publish"]:
            record = self._publish(record, journal["publish"])
        manifest.write(self.manifest().with_record(record, ORDER), self.lock_file)
        self._journal.unlink()

    def _publish(self, record: Record, kind: str) -> Record:
        """Bring the user's copy up to date, file by file; what he changed or deleted stays as he left it."""
        source, place = self.located(record.outputs[kind]), self.root / kind
        known = _written(place)
        fresh = {name: digest(source / name) for name in files(source)}
        whole = not place.exists()
        kept = []
        for name, sha256 in fresh.items():
            target = place / name
            current = digest(target) if target.exists() else None
            if current == sha256:
                continue
            if whole or name.startswith(OURS) or current == known.get(name):  # both None: new in this version
                write_atomic(target, (source / name).read_bytes())
            elif current is not None and sha256 != known.get(name):
                kept.append(name)
        for name in known.keys() - fresh.keys():
            if (place / name).exists() and digest(place / name) == known[name]:
                (place / name).unlink()
        write_atomic(place / MARK, manifest.dumps(fresh).encode())
        note = (f"{kind}/: kept your {', '.join(sorted(kept))}; the new versions are in {self.shown(source)}",)
        return record.model_copy(update={"published": kind, "notes": record.notes + (note if kept else ())})

    def refuse_foreign(self, kind: str) -> None:
        """Raise WorkspaceError where the user has a folder called ``kind`` that mlship never wrote."""
        place = self.root / kind
        if place.is_dir() and any(place.iterdir()) and not (place / MARK).exists():
            hint = "move it away, or use another workspace: -w DIR"
            raise WorkspaceError(f"there is a folder '{kind}' that mlship did not write", hint)

    def state(self, record: Record) -> str:
        """Say whether the outputs of ``record`` are "intact" or "gone".

        Raises DamagedWorkspaceError when one of them is not what the stage wrote.
        """
        copy = self.root / record.published if record.published else None
        if not self.folder(record.stage).exists() or (copy and not copy.exists()):
            return "gone"
        for file in record.outputs.values():
            self._check(record.stage, self.located(file), file.sha256)
        if copy:
            for name, sha256 in _written(copy).items():
                if name.startswith(OURS):
                    self._check(record.stage, copy / name, sha256)
        return "intact"

    def _check(self, stage: str, path: Path, sha256: str) -> None:
        what = "is missing" if not path.exists() else "was changed" if digest(path) != sha256 else ""
        if what:
            message = f"'{self.shown(path)}' {what} since {stage} wrote it"
            raise DamagedWorkspaceError(message, f"mlship {stage.replace('/', ' ')} --force makes it again")

    def artifacts(self, before: str) -> dict[str, Path]:
        """Return the artifacts that the stages before ``before`` left, the latest of each kind, checked.

        "converted" is the model as convert left it. Of a published kind, the user's own copy counts. Where convert
        wrote no ONNX, what was once optimised does not count.
        Raises DamagedWorkspaceError when one is not what its stage wrote.
        """
        found: dict[str, Path] = {}
        for stage in ORDER[: ORDER.index(before)]:
            record = self.manifest().stages.get(stage)
            if record is None or self.state(record) == "gone" or (stage == "optimize" and "onnx" not in found):
                continue
            for kind, file in record.outputs.items():
                found[kind] = self.located(file)
                if kind == record.published:
                    found[kind] = self.root / kind
            if stage == "convert" and "onnx" in found:
                found["converted"] = found["onnx"]
        return found

    def described(self, kind: str, path: Path) -> tuple[str, File]:
        """Return an artifact as the lock holds it."""
        artifact: Artifact = measure(kind, path)
        return kind, File(path=self.shown(path), sha256=artifact.digest, size=artifact.size)

    def clean(self) -> list[str]:
        """Delete the artifacts and the lock; mlship.toml and the user's folders stay. Return what was deleted."""
        gone = [self.shown(path) for path in (self._home, self.lock_file) if path.exists()]
        try:
            if self._home.exists():
                shutil.rmtree(self._home)
            self.lock_file.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error) from error
        return gone


def _written(place: Path) -> dict[str, str]:
    """Return what mlship last wrote into the user's copy: sha256 by file name."""
    try:
        written: dict[str, str] = json.loads((place / MARK).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DamagedWorkspaceError(f"'{place.name}/{MARK}' is damaged", "restore it from version control") from error
    return written


def _read_holder(holder: Path) -> str:
    try:
        return holder.read_text()
    except OSError:
        return "another process"
