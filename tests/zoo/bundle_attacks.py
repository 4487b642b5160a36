"""A small bundle to attack, and what attackers need: checksums that fit again, and an eye on what Python does."""

import contextlib
import sys

import torch

from zoo.bundle_files import sums_of
from zoo.bundles import save_bundle
from zoo.components import component_class
from zoo.export import model_card

_WATCHED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class", "socket.connect")
_seen: list[str] = []
_hooked = False


def small_codec(seed=0):
    quantizer = component_class("quantizers/residual")(latent_dim=4, num_levels=2, codebook_size=8)
    codec = component_class("codecs/residual_vqgan")(
        quantizer=quantizer, channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )
    generator = torch.Generator().manual_seed(seed)
    for parameter in codec.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
    return codec.eval()


def small_bundle(folder, seed=0):
    codec = small_codec(seed)
    return save_bundle(codec, folder, card=model_card(codec, {}), metadata={"steps": 3}, fingerprint=True)


def repair_sums(bundle):
    (bundle / "SHA256SUMS").write_text(sums_of(bundle))


@contextlib.contextmanager
def nothing_is_run():
    """Fail if code is run, a class is unpickled or a connection is made, whether or not anything comes of it."""
    global _hooked
    if not _hooked:  # hooks stay for good
        sys.addaudithook(lambda event, _: _seen.append(event) if event in _WATCHED else None)
        _hooked = True
    _seen.clear()
    yield
    assert not _seen
