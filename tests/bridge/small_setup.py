# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set-up of one tiny package, for tests of the real set-up with real pip."""

import sys
import zipfile
from pathlib import Path

from run_job import finish

from capf_blender.bridge import environment
from capf_blender.bridge.job import Job

SETUP = Path(environment.PACKAGE) / "bridge" / "setup.py"


def make_wheel(
    folder: Path, name: str, files: dict[str, bytes] | None = None, requires: str = ""
) -> Path:
    """A wheel as pip wants it, of one module and `files`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    contents = {
        f"{name}.py": b"VALUE = 3\n",
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            + (f"Requires-Dist: {requires}\n" if requires else "")
        ).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(files or {}),
    }
    record = "".join(f"{member},,\n" for member in (*contents, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in (contents | {f"{info}/RECORD": record.encode()}).items():
            wheel.writestr(member, data)
    return path


class Small:
    """With wheels from a local folder."""

    def __init__(self, folder: Path, home: Path | None = None) -> None:
        self.wheels = folder / "wheels"
        make_wheel(self.wheels, "tiny_package")
        make_wheel(self.wheels, "tiny_hrnet", requires="not_there_at_all")
        self.requirements = folder / "requirements.txt"
        self.requirements.write_text("# one\ntiny_package==1.0\n")
        self.hrnet_requirements = folder / "hrnet_requirements.txt"
        self.hrnet_requirements.write_text("tiny_hrnet==1.0\n")
        self.model_files = folder / "model_files.json"
        self.model_files.write_text("[]")
        self.home = home or folder / "ein Ordner für Größeres"
        self.log_file = folder / "setup.log"

    def arguments(self, *more: str, offline: bool = True) -> list[str]:
        options = ["--offline-folder", str(self.wheels)] if offline else []
        return [
            *(sys.executable, "-I", "-B", str(SETUP), "--home", str(self.home), "--no-smoke-run"),
            *("--requirements", str(self.requirements), "--model-files", str(self.model_files)),
            *("--hrnet-requirements", str(self.hrnet_requirements)),
            *options,
            *more,
        ]

    def job(self, *more: str, offline: bool = True) -> Job:
        return Job(self.arguments(*more, offline=offline), self.log_file)

    def run(self, *more: str) -> Job:
        return finish(self.job(*more))

    @property
    def installed(self) -> list[Path]:
        return list(self.home.glob("venv/[lL]ib/**/site-packages/tiny_package.py"))
