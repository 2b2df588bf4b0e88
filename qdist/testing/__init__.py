"""The conformance kit for third parties: call one function in a test of your own."""

from qdist.testing.backbones import check_backbone as check_backbone

__all__ = ["check_backbone"]
