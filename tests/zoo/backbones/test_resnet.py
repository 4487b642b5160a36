"""What is special about ResNet."""

import torch

from zoo.backbones.resnet import ResNetBackbone


def test_it_is_torchvisions_from_pixels_to_the_last_map(generator):
    from torchvision.models import resnet18
    from torchvision.models.feature_extraction import create_feature_extractor

    torch.manual_seed(0)
    theirs = resnet18(weights=None).eval()
    ours = ResNetBackbone(depth=18, image_size=None).eval()
    ours.network.load_state_dict({name: value for name, value in theirs.state_dict().items() if name[:3] != "fc."})
    images = torch.rand(2, 3, 64, 64, generator=generator)  # [0, 1]
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalized = (images - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        maps = create_feature_extractor(theirs, ["layer1", "layer2", "layer3", "layer4"])(normalized)
        for own, other in zip(ours(images * 2 - 1), maps.values(), strict=True):
            torch.testing.assert_close(own, other, atol=1e-4, rtol=1e-4)
