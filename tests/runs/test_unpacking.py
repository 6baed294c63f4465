"""Packs that somebody made by hand: each is refused by its own message, and leaves nothing."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_runs import make_run

from gantool.errors import ConfigError, GantoolError
from gantool.runs.folder import RunFolder
from gantool.runs.sharing.manifest import MANIFEST
from gantool.runs.sharing.pack import pack
from gantool.runs.sharing.unpack import unpack

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The members of a sound pack of one run, a."""
    where = tmp_path_factory.mktemp("sound")
    run = make_run(where / "a", steps=3, sample_grids=(0,))
    pack({run: [run]}, where / "a.zip", states=False)
    with zipfile.ZipFile(where / "a.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}


def manifest_of(members: Mapping[str, bytes]) -> dict[str, Any]:
    files = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()
    }
    return {"format": 1, "gantool": "0.1.0", "files": files}


def write(
    file: Path,
    members: Mapping[str, bytes],
    *,
    manifest: Any = None,
    attributes: Mapping[str, int] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """A zip file of the members, with a manifest that fits them unless one is given."""
    with zipfile.ZipFile(file, "w", compression) as archive:
        about = manifest_of(members) if manifest is None else manifest
        for name, content in {MANIFEST: json.dumps(about).encode(), **members}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (attributes or {}).get(name, 0)
            archive.writestr(info, content, compression)
    return file


def with_member(name: str, content: bytes = b"x") -> Callable[[Path, Members], Path]:
    return lambda file, members: write(file, {**members, name: content})


def with_attributes(attributes: int) -> Callable[[Path, Members], Path]:
    return lambda file, members: write(file, members, attributes={"a/real.png": attributes})


def with_manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path, Members], Path]:
    def made(file: Path, members: Members) -> Path:
        manifest = manifest_of(members)
        return write(file, members, manifest=change(manifest) or manifest)

    return made


def without_manifest(file: Path, members: Members) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def twice(file: Path, members: Members) -> Path:
    write(file, members)
    with pytest.warns(UserWarning), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a/real.png", b"other")
    return file


def missing(file: Path, members: Members) -> Path:
    rest = {name: content for name, content in members.items() if name != "a/real.png"}
    return write(file, rest, manifest=manifest_of(members))


def altered(file: Path, members: Members) -> Path:
    other = bytearray(members["a/real.png"])
    other[-1] ^= 1
    return write(file, {**members, "a/real.png": bytes(other)}, manifest=manifest_of(members))


def encrypted(file: Path, members: Members) -> Path:
    content = bytearray(write(file, members).read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    file.write_bytes(content)
    return file


def bomb(file: Path, members: Members) -> Path:
    noise = np.random.default_rng(0).bytes(120_000)  # 250 to 1, as no records are
    large = {**members, "a/metrics.jsonl": bytes(40_000_000) + noise}
    return write(file, large, compression=zipfile.ZIP_DEFLATED)


def lying_bomb(file: Path, members: Members) -> Path:
    """A member that becomes larger than the directory of the file and the manifest say."""
    large = {**members, "a/metrics.jsonl": bytes(40_000_000)}
    manifest = manifest_of({**members, "a/metrics.jsonl": bytes(1000)})
    write(file, large, manifest=manifest, compression=zipfile.ZIP_DEFLATED)
    content = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            if content[at + offset : at + offset + 4] == struct.pack("<I", 40_000_000):
                content[at + offset : at + offset + 4] = struct.pack("<I", 1000)
    file.write_bytes(content)
    return file


def overlapping(file: Path, members: Members) -> Path:
    """Two entries of the directory that share one member's bytes."""
    names = {**members, "a/best.safetensors": members["a/real.png"]}
    content = bytearray(write(file, names).read_bytes())
    start = content.index(b"PK\1\2")
    place = content.index(b"a/real.png", start) - 46
    other = content.index(b"a/best.safetensors", start) - 46
    content[other + 42 : other + 46] = content[place + 42 : place + 46]
    file.write_bytes(content)
    return file


def null_byte(file: Path, members: Members) -> Path:
    """A name that ends for some programs where it does not for others."""
    content = write(file, {**members, "a/pictures/x.png_.exe": b"x"}).read_bytes()
    file.write_bytes(content.replace(b"png_.exe", b"png\0.exe"))
    return file


def cut(file: Path, members: Members) -> Path:
    content = write(file, members).read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return file


def damaged_within(file: Path, members: Members) -> Path:
    content = bytearray(write(file, members).read_bytes())
    content[content.index(members["a/real.png"]) + 40] ^= 1
    file.write_bytes(content)
    return file


def with_record(content: bytes) -> Callable[[Path, Members], Path]:
    return lambda file, members: write(file, {**members, "a/run.json": content})


def link(kind: int) -> int:
    return (kind | 0o777) << 16


HOSTILE: dict[str, tuple[Callable[[Path, Members], Path], str]] = {
    "leads up": (with_member("../a/run.json"), "'../a/run.json' leads out of the archive"),
    "leads up within": (with_member("a/../../x.png"), "leads out of the archive"),
    "begins at the root": (with_member("/etc/x.png"), "'/etc/x.png' leads out of the archive"),
    "begins at a drive": (with_member("C:/x.png"), "'C:/x.png' leads out of the archive"),
    "leads up in Windows": (with_member("..\\x.png"), "leads out of the archive"),
    "backslashes": (with_member("a\\pictures\\x.png"), "that Windows does not allow"),
    "stream of Windows": (with_member("a/real.png:x"), "that Windows does not allow"),
    "control characters": (with_member("a/pictures/\x1b[2Jx.png"), "control characters"),
    "null byte": (null_byte, r"'a/pictures/x.png\\x00.exe' has control characters"),
    "turned text": (with_member("a/pictures/\u202egnp.exe"), "turn its direction"),
    "device of Windows": (with_member("a/pictures/nul.png"), "reserves for a device"),
    "ends with a dot": (with_member("a/pictures/x.png."), "ends with a dot"),
    "hidden": (with_member("a/.bashrc"), "'a/.bashrc' is hidden"),
    "empty part": (with_member("a//real.png"), "empty parts"),
    "too deep": (with_member("b/c/d/e/x.png"), "lies too deep"),
    "too long": (with_member(f"a/pictures/{'x' * 300}.png"), "too long"),
    "folder": (with_member("a/pictures/", b""), "is a link, a folder or a device"),
    "symbolic link": (with_attributes(link(stat.S_IFLNK)), "'a/real.png' is a link"),
    "device": (with_attributes(link(stat.S_IFCHR)), "is a link, a folder or a device"),
    "pipe": (with_attributes(link(stat.S_IFIFO)), "is a link, a folder or a device"),
    "reparse point": (with_attributes(0x400), "is a link, a folder or a device"),
    "twice": (twice, "holds 'a/real.png' twice"),
    "twice but for case": (with_member("A/real.PNG"), "many systems do not tell"),
    "code": (with_member("a/setup.py"), "'a/setup.py' is no file of a run"),
    "file of no run": (with_member("b/real.png"), "'b/real.png' is no file of a run"),
    "bomb": (bomb, r"its member 'a/metrics.jsonl' claims to hold 40 MB in 0.16: .* bomb"),
    "bomb that lies": (lying_bomb, "damaged|SHA-256"),
    "overlapping": (overlapping, "overlaps another one: a bomb"),
    "unusual compression": (
        lambda file, members: write(file, members, compression=zipfile.ZIP_LZMA),
        "compressed in an unusual way",
    ),
    "wrong hash": (altered, r"'a/real.png' is not what its manifest says \(SHA-256\)"),
    "wrong size": (
        with_manifest(lambda m: m["files"]["a/real.png"].update(size=3)),
        "'a/real.png' has another size",
    ),
    "not in the manifest": (
        with_manifest(lambda m: m["files"].pop("a/real.png") and None),
        "'a/real.png' is not in its manifest",
    ),
    "missing": (missing, "'a/real.png' is in its manifest, and missing"),
    "no manifest": (without_manifest, f"it has no {MANIFEST}"),
    "newer format": (with_manifest(lambda m: m.update(format=2)), "a pack of format 2; .*format 1"),
    "no format": (with_manifest(lambda m: {"files": {}}), "a pack of format None"),
    "odd manifest": (
        with_manifest(lambda m: m["files"]["a/real.png"].update(sha256="../x")),
        f"{MANIFEST} is damaged: files.a/real.png.sha256",
    ),
    "manifest of a list": (with_manifest(lambda m: [1]), "a pack of format None"),
    "nothing": (lambda file, members: write(file, {}), "it holds no runs"),
    "encrypted": (encrypted, "it is encrypted"),
    "cut short": (cut, "is damaged, or no zip file"),
    "damaged within": (damaged_within, "is damaged, or no zip file: Bad CRC-32"),
    "no zip file": (
        lambda file, members: [file.write_text("hello"), file][1],  # type: ignore[return-value]
        "is damaged, or no zip file",
    ),
    "damaged record": (with_record(b"{}"), "run.json is damaged|damaged: name"),
    "record of a newer format": (
        with_record(b'{"format": 9, "name": "a"}'),
        "a has run format 9",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_refused_by_its_own_message_and_leaves_nothing(
    case: str, members: Members, tmp_path: Path
) -> None:
    make, message = HOSTILE[case]
    file = make(tmp_path / "x.zip", members)
    with pytest.raises(ConfigError, match=message) as refused:
        unpack(file, tmp_path / "new" / "out")
    assert refused.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_a_sound_one_is_unpacked_and_nothing_is_overwritten(
    members: Members, tmp_path: Path
) -> None:
    file = write(tmp_path / "x.zip", members)
    (folder,) = unpack(file, tmp_path / "out")
    assert folder.read().name == "a"
    assert {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    } == members
    assert folder.checkpoints.is_dir()  # a resumed run saves its states there
    (folder.path / "run.json").write_text("mine")
    with pytest.raises(ConfigError, match=r"out/a exists already and is never overwritten"):
        unpack(file, tmp_path / "out")
    assert (folder.path / "run.json").read_text() == "mine"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_all_runs_appear_or_none(
    members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {f"{run}{name[1:]}": content for name, content in members.items() for run in "ab"}
    file = write(tmp_path / "x.zip", two)
    rename = Path.rename

    def failing(path: Path, target: Path) -> Path:
        if target.name == "b":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(GantoolError, match="No space left"):
        unpack(file, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
    monkeypatch.undo()
    assert [folder.path.name for folder in unpack(file, tmp_path / "out")] == ["a", "b"]


def test_a_place_that_is_a_file_and_a_file_that_is_not_there(
    members: Members, tmp_path: Path
) -> None:
    file = write(tmp_path / "x.zip", members)
    with pytest.raises(GantoolError, match=r"x.zip is a file"):
        unpack(file, file)
    with pytest.raises(GantoolError, match=r"cannot unpack .*No such file"):
        unpack(tmp_path / "y.zip", tmp_path / "out")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.sampled_from("a/.\\:~ \0\n\u202eB\xe9e\u0301") | st.characters(), max_size=12)
)
def test_whatever_a_member_is_called_it_is_refused_or_lies_in_the_run(
    name: str, members: Members, tmp_path: Path
) -> None:
    file, output = tmp_path / "x.zip", tmp_path / "out"
    try:
        write(file, {**members, name: b"x"})
    except (UnicodeEncodeError, ValueError):
        return  # no zip file can have it
    try:
        (folder,) = unpack(file, output)
    except ConfigError:
        assert not output.exists()
    else:
        assert RunFolder(Path("a")).holds(name.removeprefix("a/"))
        folder.remove()
        output.rmdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip"]
