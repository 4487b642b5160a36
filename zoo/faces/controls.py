"""The head of one batch: control points of its curves at rest and moved, and the muscles that move its skin."""

from __future__ import annotations

from torch import Tensor

from zoo.faces.fields import lerp
from zoo.faces.heights import Bumps
from zoo.faces.parameters import FaceParameters, Values
from zoo.faces.rules import kinematics

# Which kinematic variables are motions, and so larger in an expressive person.
_MOTIONS = (
    "brow_in_y",
    "brow_mid_y",
    "brow_out_y",
    "brow_in_x",
    "glabella_y",
    "lid_low",
    "cheek_up",
    "triangle",
    "ala_wide",
    "ala_up",
    "corner_x",
    "corner_y",
    "nasolabial_out",
    "mouth_up",
    "upper_lift",
    "part",
    "chin_up",
)
_BROW_MIDDLE = 0.58
"""Where along the brow its middle control point lies."""
_JAW_DROP = 0.17


class Head:
    """What geometry and shading know about each face, looked up by name.

    Numbers of the whole face are (batch,), numbers of its sides (batch, 2), side 0 on the image's left.

    Args:
        parameters: The faces.
        interaction: How far AUs in combination follow the rules, see ``zoo.faces.rules.kinematics``.
    """

    def __init__(self, parameters: FaceParameters, interaction: float) -> None:
        # In double: functions of few numbers differ in the last bit with how many are computed at once.
        person = {name: value.double() for name, value in parameters.identity.items()}
        activation = parameters.activation.double()
        state: Values = dict(vars(kinematics(activation, interaction=interaction)))
        motion = {name: state[name] * person["gain"][:, None] for name in _MOTIONS}
        nuisance = {name: value.double() for name, value in parameters.nuisance.items()}
        # AUs that seal the lips win over what would open them.
        unsealed = (1 - activation[..., -3:]).clamp(0, 1).prod(-1).mean(1)
        jaw = nuisance["jaw"] * unsealed
        face = {name: value for name, value in person.items() if value.dim() == 1}
        face["jaw"] = jaw
        face["drop"] = _JAW_DROP * jaw
        face["part"] = motion["part"].mean(1) + 0.06 * nuisance["part"] * unsealed
        face["upper_lift"] = motion["upper_lift"].mean(1)
        face["mouth_centre"] = person["mouth_y"] + motion["mouth_up"].mean(1)
        face["chin_low"] = person["chin_y"] - 0.9 * face["drop"]
        side = state
        side["blink"] = nuisance["blink"][:, None].expand_as(side["crow"])
        side["corner_at_x"] = person["mouth_width"][:, None] + motion["corner_x"] - 0.10 * face["drop"][:, None]
        side["corner_at_y"] = (
            (person["mouth_y"] + person["mouth_curve"])[:, None] + motion["corner_y"] - 0.30 * face["drop"][:, None]
        )
        self._place_brows(side, person, motion)
        for name, value in parameters.identity.items():
            if value.dim() == 2 and value.shape[1] == 2 and name != "texture":
                side[name] = value
        self._face = {name: value.float() for name, value in face.items()}
        self._side = {name: value.float() for name, value in side.items()}
        self.identity = parameters.identity
        self.num_faces = len(parameters)
        self.muscles = self._muscles(person, motion, side, face)

    @staticmethod
    def _place_brows(side: Values, person: Values, motion: Values) -> None:
        rest_in, rest_out = person["brow_in"][:, None], person["brow_out"][:, None]
        low = person["brow_y"][:, None]
        side["brow_x0"] = rest_in - motion["brow_in_x"]
        side["brow_x1"] = lerp(rest_in, rest_out, _BROW_MIDDLE) - 0.35 * motion["brow_in_x"]
        side["brow_x2"] = rest_out - 0.08 * motion["brow_in_x"]
        side["brow_y0"] = low - 0.01 + motion["brow_in_y"]
        side["brow_y2"] = low + person["brow_tail"][:, None] - 0.015 + motion["brow_out_y"]
        arch = person["brow_arch"][:, None]
        middle = low + arch + motion["brow_mid_y"]
        chord = lerp(side["brow_y0"], side["brow_y2"], _BROW_MIDDLE)
        side["brow_y1"] = lerp(middle, chord + 0.35 * arch, 0.6 * side["brow_flat"])

    @staticmethod
    def _muscles(person: Values, motion: Values, side: Values, face: Values) -> Bumps:
        """Where the skin is pulled, how far the pull reaches, and where to (Waters 1987, with Gaussians)."""
        bumps = Bumps()

        def pull(x: Tensor | float, y: Tensor, width: float, height: float, by_x: Tensor | float, by_y: Tensor) -> None:
            bumps.add(x, y, width, height, by_x, by_y)

        m, none = motion, 0.0
        width, low = person["mouth_width"], person["mouth_y"]
        corner_x = side["corner_at_x"] - width[:, None]
        corner_y = side["corner_at_y"] - (low + person["mouth_curve"])[:, None]
        brow = person["brow_y"]
        middle = lerp(person["brow_in"], person["brow_out"], _BROW_MIDDLE)
        pull(person["brow_in"], brow + 0.02, 0.15, 0.17, -m["brow_in_x"], m["brow_in_y"])
        pull(middle, brow + person["brow_arch"] + 0.03, 0.19, 0.17, -0.35 * m["brow_in_x"], m["brow_mid_y"])
        pull(
            person["brow_out"], brow + person["brow_tail"] + 0.015, 0.15, 0.17, -0.08 * m["brow_in_x"], m["brow_out_y"]
        )
        eye_x, eye_y = person["eye_x"], person["eye_y"]
        pull(0.0, brow, 0.085, 0.15, none, m["glabella_y"])
        pull(eye_x, eye_y - 0.13, 0.20, 0.055, none, 0.050 * m["lid_low"])
        pull(eye_x + 0.02, eye_y - 0.40, 0.23, 0.17, 0.012 * m["cheek_up"], 0.095 * m["cheek_up"])
        pull(0.62 * eye_x, eye_y - 0.42, 0.12, 0.13, none, 0.050 * m["triangle"])
        pull(person["nose_width"] - 0.02, person["nose_y"], 0.085, 0.09, m["ala_wide"], m["ala_up"])
        beside_y = 0.55 * corner_y + 0.03 * m["cheek_up"]
        pull(width + 0.17, low + 0.17, 0.17, 0.16, 0.55 * corner_x + m["nasolabial_out"], beside_y)
        pull(width, low, 0.15, 0.12, corner_x, corner_y)
        pull(0.95 * width, low - 0.24, 0.16, 0.13, 0.35 * corner_x, 0.50 * corner_y + 0.3 * m["chin_up"])
        pull(0.0, low + 0.16, 0.20, 0.08, none, m["upper_lift"] + 0.5 * m["mouth_up"])
        drop = face["drop"][:, None]
        pull(0.0, low - 0.17, 0.24, 0.09, none, m["mouth_up"] - drop)
        pull(0.0, low - 0.43, 0.26, 0.15, none, m["chin_up"] - drop)
        pull(0.0, person["chin_y"] + 0.08, 0.55, 0.30, none, -drop.expand_as(m["chin_up"]))
        return bumps

    def face(self, name: str) -> Tensor:
        """A number of the whole face, to act on planes (batch, h, w)."""
        return self._face[name][:, None, None]

    def sides(self, name: str) -> Tensor:
        """A number of each side, to act on planes ((batch side), h, w)."""
        value = self._side.get(name)
        if value is None:
            value = self._face[name][:, None].expand(-1, 2)
        return value.reshape(-1, 1, 1)

    def mean(self, name: str) -> Tensor:
        """The mean of both sides, to act on planes (batch, h, w)."""
        return self._side[name].mean(1)[:, None, None]

    def across(self, name: str, right: Tensor) -> Tensor:
        """A number of the sides, blended by the share of the right one (batch, h, w)."""
        value = self._side[name]
        return lerp(value[:, :1, None], value[:, 1:, None], right)

    def raw(self, name: str) -> Tensor:
        """A number as it is: (batch,), or (batch, 2) for the sides."""
        return self._side[name] if name in self._side else self._face[name]

    def offset(self, num_sides: int = 1) -> Tensor:
        """Where this person's textures start, (batch side, 2)."""
        return self.identity["texture"].repeat_interleave(num_sides, 0)
