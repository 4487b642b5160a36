"""Trees laid out as BP4D, BP4D+, DISFA and DISFA+ are distributed, their defects included; drawn, so no persons.

Each ``make_...`` writes a tree and gives an ``Expected``: what a reader must find there. ``faces=True`` renders
procedural faces with landmarks, otherwise frames are plain colours (fast).
"""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.facs import AUS

HEIGHT, WIDTH, FACE = 160, 128, 96
CORNER = (24, 16)
"""Row and column where a face is pasted into the frame."""
BP4DPLUS_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, *range(27, 40))
DISFA_AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
INTENSITY_AUS = (6, 10, 12, 14, 17)
NAN = float("nan")


@dataclass
class Expected:
    """What is in a tree.

    Attributes:
        root: The folder.
        occurrence: By source such as ``bp4d/F001/T1/2440``, in the order in which a reader gives them.
        intensity: By source, NaN where unknown.
        pixels: By source, what was drawn; files are compressed, so nearly that.
        landmarks: By source, 49 points in pixels, where the tree has them.
        corrupt: Sources of which the image can't be decoded.
        missing: Sources that have a label and must not be given: no image, or a known defect.
        problems: How often each kind of problem must be reported at least.
        frame_offset: What must be added to a label's frame number to find the image's.
    """

    root: Path
    occurrence: dict[str, list[int]] = field(default_factory=dict)
    intensity: dict[str, list[float]] = field(default_factory=dict)
    pixels: dict[str, np.ndarray] = field(default_factory=dict)
    landmarks: dict[str, np.ndarray] = field(default_factory=dict)
    corrupt: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    frame_offset: int = 0

    def drop(self, source: str) -> None:
        """Take out a frame that has a label and must not be given."""
        del self.occurrence[source], self.intensity[source], self.pixels[source]
        self.landmarks.pop(source, None)
        self.missing.append(source)


def make_bp4d(
    root: Path,
    *,
    images: str = "files",
    frame_offset: int = 0,
    around: int = 0,
    faces: bool = False,
    defects: bool = True,
    landmarks: bool = True,
) -> Expected:
    """Write BP4D: three subjects, two tasks, five coded frames in each.

    F001 and M003 have the old tables of 100 columns, M009 has named columns and file names of three digits.
    Intensities are coded for F001 (tables without names) and M003 (with names). M003 never rests.

    Args:
        root: Folder to make.
        images: ``files``, ``zip`` or ``video``; coded frames of a video start at 3.
        frame_offset: 0 or -1: whether images are numbered as labels are, or from 0.
        around: Uncoded images before and after the coded ones.
        faces: Whether faces are drawn.
        defects: Whether there are a missing and a broken image, an unknown AU, an occluded frame and stray files.
        landmarks: Whether there are 2DFeatures.
    """
    actions = {
        ("F001", "T1", 2440): [(), (6, 12), (6, 7, 12), (6, 10, 12), (12,)],
        ("F001", "T2", 721): [(1, 4), (1, 4, 15), (1, 4, 15, 17), (15, 17), ()],
        ("M003", "T1", 208): [(12,), (6, 12), (6, 12), (12, 14), (14,)],
        ("M003", "T2", 1081): [(4,), (4, 17), (17, 24), (17, 23, 24), (23,)],
        ("M009", "T1", 82): [(), (), (6, 12), (6, 7, 10, 12), (10, 12)],
        ("M009", "T2", 527): [(2,), (1, 2), (1, 2), (1,), ()],
    }
    expected = Expected(root, frame_offset=0 if images == "video" else frame_offset)
    drawn = _draw([(subject, aus) for (subject, _, _), rows in actions.items() for aus in rows], faces=faces)
    for (subject, task, start), rows in actions.items():
        first = 3 if images == "video" else start
        frames = range(first, first + len(rows))
        table = np.array([[int(au in aus) for au in AUS] for aus in rows])
        if defects and (subject, task) == ("F001", "T2"):
            table[1, AUS.index(7)] = 9
        coded = {"F001": INTENSITY_AUS, "M003": INTENSITY_AUS}.get(subject, ())
        levels = _levels(table, frames, coded)
        pictures, points = _take(drawn, len(rows))
        _expect(expected, "bp4d", subject, task, frames, table, levels, pictures, points if landmarks else None)
        tables = root / "AUCoding" / "AU_OCC"
        if subject == "M009":
            columns = {"Frame": list(frames)} | {f"AU{au}": [0] * len(rows) for au in range(1, 36)}
            columns |= {f"AU{au}": list(table[:, place]) for place, au in enumerate(AUS)}
        else:
            occluded = [int(defects and (subject, task) == ("F001", "T1") and place == 4) for place in range(len(rows))]
            columns = {str(au): [9] * len(rows) for au in range(1, 99)}
            columns |= {str(au): list(table[:, place]) for place, au in enumerate(AUS)}
            columns = {"0": list(frames), **columns, "99": occluded}
        _write_table(tables / f"{subject}_{task}.csv", columns)
        for au in coded:
            column = {"frame": list(frames), "intensity": _written(levels[:, AUS.index(au)])}
            path = root / "AU Intensity Codes3.0" / f"AU{au:02d}" / f"{subject}_{task}.csv"
            _write_table(path, column, header=subject == "M003")
        if landmarks:
            _write_features(root / "2DFeatures" / f"{subject}_{task}.mat", frames, points)
        numbers = range(frames[0] + frame_offset - around, frames[-1] + frame_offset + around + 1)
        pictures = [pictures[0]] * around + pictures + [pictures[-1]] * around
        folder = root / "Sequences(2D+3D)"
        if images == "video":
            blank = [np.zeros_like(pictures[0])] * (first - 1)  # a video has all frames from the first on
            raw = {"T1": "01", "T2": "03"}[task]
            _write_video(root / "Videos" / f"2{subject[0]}{subject[2:]}_{raw}.avi", blank + pictures)
        else:
            width = 3 if subject == "M009" else 4
            _write_files(folder / subject / task, dict(zip(numbers, pictures, strict=True)), width)
    if defects and images != "video":
        _spoil_bp4d(expected, folder, frame_offset)
    if images == "zip":
        for subject in ("F001", "M003", "M009"):
            _zip(folder / subject)
    return expected


def _spoil_bp4d(expected: Expected, folder: Path, offset: int) -> None:
    (folder / "M003" / "T2" / f"{1083 + offset:04d}.jpg").unlink()
    expected.drop("bp4d/M003/T2/1083")
    broken = folder / "M003" / "T1" / f"{210 + offset:04d}.jpg"
    broken.write_bytes(broken.read_bytes()[:400])
    expected.corrupt.add("bp4d/M003/T1/210")
    for stray in ("2440.obj", "2440.mtl", "._2440.jpg", "Thumbs.db"):
        (folder / "F001" / "T1" / stray).write_bytes(b"")
    expected.problems.update({"missing image": 1, "occluded frames": 1})


def make_bp4dplus(root: Path, *, faces: bool = False, defects: bool = True, frame_offset: int = -1) -> Expected:
    """Write BP4D+: F001 as files of three digits, F041 as a zip of four; T1 and T6 coded, T2 not.

    With defects, an AU is unknown, F041/T7 has more labels than images, and F042/T11 exists in Physiology alone.
    F001 is another person than BP4D's.
    """
    actions = {
        ("F001", "T1", 1): [(6, 12), (6, 7, 12), (), (10, 12), (12,)],
        ("F001", "T6", 3): [(4,), (4, 7), (4, 7, 10), (7,), (17,)],
        ("F041", "T1", 1): [(1, 2), (1, 2), (), (14,), (14, 17)],
        ("F041", "T6", 2): [(4, 6, 7), (4, 6, 7, 10), (4,), (), (24,)],
    }
    if defects:
        actions[("F041", "T7", 1)] = [(12,), (12,), (12,), (12, 23), (23,)]
    expected = Expected(root, frame_offset=frame_offset)
    people = {"F001": "F001 of BP4D+"}
    rows_drawn = [(people.get(who, who), aus) for (who, _, _), rows in actions.items() for aus in rows]
    drawn = _draw(rows_drawn, faces=faces)
    folder = root / "2D+3D"
    for (subject, task, first), rows in actions.items():
        frames = range(first, first + len(rows))
        table = np.array([[int(au in aus) for au in AUS] for aus in rows])
        if defects and (subject, task) == ("F001", "T6"):
            table[4, AUS.index(23)] = 9
        levels = _levels(table, frames, INTENSITY_AUS)
        pictures, points = _take(drawn, len(rows))
        _expect(expected, "bp4dplus", subject, task, frames, table, levels, pictures, points)
        # the frame's column is called 1, like the AU beside it
        columns = [("1", list(frames))]
        uncoded = [9] * len(rows)
        columns += [(str(au), list(table[:, AUS.index(au)]) if au in AUS else uncoded) for au in BP4DPLUS_AUS]
        _write_table(root / "AUCoding" / "AU_OCC" / f"{subject}_{task}.csv", columns)
        for au in INTENSITY_AUS:
            column = {"frame": list(frames), "intensity": _written(levels[:, AUS.index(au)])}
            path = root / "AUCoding" / "AU_INT" / f"AU{au:02d}" / f"{subject}_{task}_AU{au:02d}.csv"
            _write_table(path, column, header=False)
        _write_features(root / "2DFeatures" / f"{subject}_{task}.mat", frames, points)
        pictures = dict(zip([frame + frame_offset for frame in frames], pictures, strict=True))
        if task == "T7":
            pictures = dict(list(pictures.items())[:3])
            for frame in frames:
                expected.drop(f"bp4dplus/{subject}/{task}/{frame}")
        _write_files(folder / subject / task, pictures, 3 if subject == "F001" else 4)
    _write_files(folder / "F001" / "T2", {0: np.zeros((HEIGHT, WIDTH, 3), np.uint8)}, 3)
    _zip(folder / "F041")
    if defects:
        (root / "Physiology" / "F042" / "T11").mkdir(parents=True)
        expected.problems.update({"known defect": 1})
    return expected


def make_disfa(
    root: Path, *, images: str = "frames", faces: bool = False, defects: bool = True, landmarks: bool = True
) -> Expected:
    """Write DISFA: SN001 with five frames and SN010 with four; labels count from 1, image files from 0.

    With defects, SN010 has a fifth label without an image and no table of AU 17. AUs 7, 10, 14, 23 and 24 are not
    coded. ``images`` is ``frames`` (``Images/Left/SN001/0.png``) or ``video`` (left and right, named as they are).
    """
    rows = {
        "SN001": [{}, {12: 1, 6: 1}, {12: 2, 6: 2}, {12: 5, 6: 3, 25: 4}, {1: 2, 2: 5, 4: 1}],
        "SN010": [{4: 3}, {}, {15: 2, 17: 2}, {5: 4}, {9: 2}],
    }
    expected = Expected(root, frame_offset=-1 if images == "frames" else 0)
    coded = set(DISFA_AUS) & set(AUS)
    drawn = _draw(
        [(who, tuple(au for au, level in row.items() if level > 1)) for who, each in rows.items() for row in each],
        faces=faces,
    )
    for subject, each in rows.items():
        frames = range(1, len(each) + 1)
        without = {17} if defects and subject == "SN010" else set()
        table, levels = np.full((len(each), len(AUS)), 9), np.full((len(each), len(AUS)), NAN)
        for au in DISFA_AUS:
            values = [row.get(au, 0) for row in each]
            if au in coded - without:
                table[:, AUS.index(au)] = [value > 1 for value in values]
                levels[:, AUS.index(au)] = values
            path = root / "ActionUnit_Labels" / subject / f"{subject}_au{au}.txt"
            if au not in without:
                _write_table(path, {"frame": list(frames), "intensity": values}, header=False)
        pictures, points = _take(drawn, len(each))
        _expect(expected, "disfa", subject, "", frames, table, levels, pictures, None)
        if defects and subject == "SN010":
            pictures = pictures[:4]
            expected.drop("disfa/SN010/5")
            expected.problems.update({"missing image": 1, "missing AU": 1})
        if images == "video":
            _write_video(root / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi", pictures)
            mirrored = [picture[:, ::-1] for picture in pictures]
            _write_video(root / "Video_RightCamera" / f"RightVideo{subject}_Comp.avi", mirrored)
        else:
            _write_files(root / "Images" / "Left" / subject, dict(enumerate(pictures)), 1, suffix="png")
        if landmarks:
            _write_points(root / "Landmark_Points" / subject / "tmp_frame_lm", subject, points)
    return expected


def make_disfaplus(root: Path, *, faces: bool = False) -> Expected:
    """Write DISFA+: SN001 with two trials of three frames; rows such as ``000.jpg     0`` under two lines of names."""
    rows = {"Y_Happy": [{}, {12: 3, 6: 2}, {12: 5, 6: 4}], "Y_Sad": [{}, {15: 1}, {1: 2, 15: 4}]}
    expected = Expected(root)
    coded = set(DISFA_AUS) & set(AUS)
    drawn = _draw(
        [("SN001", tuple(au for au, level in row.items() if level > 1)) for each in rows.values() for row in each],
        faces=faces,
    )
    for trial, each in rows.items():
        table, levels = np.full((len(each), len(AUS)), 9), np.full((len(each), len(AUS)), NAN)
        pictures, _ = _take(drawn, len(each))
        for au in DISFA_AUS:
            values = [row.get(au, 0) for row in each]
            if au in coded:
                table[:, AUS.index(au)] = [value > 1 for value in values]
                levels[:, AUS.index(au)] = values
            path = root / "Labels" / "SN001" / trial / f"AU{au}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"{frame:03d}.jpg     {value}" for frame, value in enumerate(values)]
            path.write_text("\n".join([f"AU{au} of {trial}", "Frame     Intensity", *lines]) + "\n")
        _expect(expected, "disfaplus", "SN001", trial, range(len(each)), table, levels, pictures, None)
        _write_files(root / "Images" / "SN001" / trial, dict(enumerate(pictures)), 3)
    return expected


def _expect(expected, name, subject, task, frames, table, levels, pictures, points):
    for place, frame in enumerate(frames):
        source = "/".join(part for part in (name, subject, task, str(frame)) if part)
        expected.occurrence[source] = [int(value) for value in table[place]]
        expected.intensity[source] = [float(value) for value in levels[place]]
        expected.pixels[source] = pictures[place]
        if points is not None:
            expected.landmarks[source] = points[place]


def _levels(table, frames, coded):
    """Give intensities: from 1 to 5 where an AU that is coded is present, unknown where another is."""
    levels = np.where(table == 0, 0.0, NAN)
    for au in coded:
        place = AUS.index(au)
        levels[:, place] = [
            NAN if here == 9 else here * (1 + frame % 5) for here, frame in zip(table[:, place], frames, strict=True)
        ]
    return levels


def _written(levels):
    return [9 if np.isnan(level) else int(level) for level in levels]


def _draw(rows, *, faces):
    """Draw all frames of a tree at once: pixels and 49 landmarks of each."""
    if not faces:
        people = sorted({who for who, _ in rows})
        blank = np.zeros((len(rows), HEIGHT, WIDTH, 3), np.uint8)
        for place, (who, _) in enumerate(rows):
            blank[place] = (40 + 12 * (place % 17), 60 + 30 * people.index(who), 240 - 7 * (place % 29))
            blank[place, :, : WIDTH // 4] //= 2  # left is not right
        grid = np.stack(np.meshgrid(np.linspace(30, 60, 7), np.linspace(50, 90, 7)), -1).reshape(49, 2)
        return [(picture, grid + place % 5) for place, picture in enumerate(blank)]
    import torch

    from zoo.faces import IDENTITY_RANGES, FaceRenderer, sample_faces
    from zoo.images import to_uint8

    people = [who for place, (who, _) in enumerate(rows) if who not in {each for each, _ in rows[:place]}]
    seeds = torch.tensor([people.index(who) for who, _ in rows])
    parameters = sample_faces(IDENTITY_RANGES["train"].start + seeds, seeds, seeds, trace=False, nuisance=False)
    activation = torch.tensor([[0.8 * (au in aus) for au in AUS] for _, aus in rows])
    rendered = FaceRenderer(FACE)(parameters.with_activation(activation))
    pixels = to_uint8(rendered.images).permute(0, 2, 3, 1).numpy()
    row, column = CORNER
    frames = np.full((len(rows), HEIGHT, WIDTH, 3), 110, np.uint8)
    frames[:, row : row + FACE, column : column + FACE] = pixels
    # 49 of the 68 points: without the outline and the corners of the mouth's opening
    kept = [point for point in range(17, 68) if point not in (60, 64)]
    points = rendered.landmarks[:, kept].numpy() + np.array([column, row], np.float32)
    return list(zip(frames, points, strict=True))


def _take(drawn, count):
    taken = [drawn.pop(0) for _ in range(count)]
    return [picture for picture, _ in taken], [points for _, points in taken]


def _write_table(path, columns, *, header=True):
    columns = list(columns.items()) if isinstance(columns, dict) else columns
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(name for name, _ in columns)] if header else []
    lines += [",".join(str(value) for value in row) for row in zip(*(values for _, values in columns), strict=True)]
    path.write_text("\r\n".join(lines) + "\r\n")


def _write_files(folder, pictures, width, *, suffix="jpg"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in pictures.items():
        Image.fromarray(picture).save(folder / f"{number:0{width}d}.{suffix}", quality=95)


def _zip(folder):
    """Pack a subject's folder, in no particular order, and remove it."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(folder.rglob("*.*"), reverse=True):
            archive.write(path, path.relative_to(folder.parent))
    shutil.rmtree(folder)


def _write_video(path, pictures):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())


def _write_features(path, frames, points):
    """Write 2DFeatures: a MATLAB file of version 7.3 is HDF5; a cell of ``fit.pred`` refers to 49 points, from 1."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        empty = file.create_dataset("#refs#/empty", data=np.zeros(2, np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        cells = file.create_dataset("fit/pred", (frames[-1], 1), dtype=h5py.ref_dtype)
        cells[:, 0] = [empty.ref] * frames[-1]
        for frame, each in zip(frames, points, strict=True):
            data = np.asarray(each, np.float64).T + 0.5
            cells[frame - 1, 0] = file.create_dataset(f"#refs#/{frame}", data=data).ref


def _write_points(folder, subject, points):
    """Write DISFA's landmarks: 66 points of a frame in a MATLAB file of version 5, files counted from 0."""
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    for place, each in enumerate(points):
        data = np.concatenate([np.zeros((17, 2)), np.asarray(each, np.float64) + 0.5])
        savemat(folder / f"{subject}_{place:04d}_lm.mat", {"pts": data})
