"""What is special about Swin."""

import torch

from zoo.backbones.swin import SwinBackbone


def test_it_is_timms_from_pixels_to_the_last_map(generator):
    import timm

    torch.manual_seed(0)
    theirs = timm.create_model("swin_tiny_patch4_window7_224", num_classes=0, global_pool="").eval()
    ours = SwinBackbone(size="tiny").eval()
    ours.network.load_state_dict(theirs.state_dict())
    images = torch.rand(1, 3, 224, 224, generator=generator)  # [0, 1]
    mean, deviation = torch.tensor(theirs.default_cfg["mean"]), torch.tensor(theirs.default_cfg["std"])
    with torch.no_grad():
        last = theirs.forward_features((images - mean[:, None, None]) / deviation[:, None, None])
        maps = ours(images * 2 - 1)
    torch.testing.assert_close(maps[-1], last.movedim(-1, 1), atol=1e-4, rtol=1e-4)
    assert [tuple(each.shape[1:]) for each in maps] == [(96, 56, 56), (192, 28, 28), (384, 14, 14), (768, 7, 7)]
