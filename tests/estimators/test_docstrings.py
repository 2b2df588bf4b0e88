"""What `help` and completion say of a model's methods."""

import inspect

import pytest

import qdist

METHODS = [
    pytest.param(method, id=f"{cls.__name__}.{name}")
    for cls in (qdist.TabularModel, qdist.ImageModel, qdist.DistributionRegressor)
    for name, method in inspect.getmembers(cls, inspect.isroutine)
    if not name.startswith("_") and method.__module__.startswith("qdist.")
]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_what_it_takes_and_gives(method):
    parameters = [p for p in inspect.signature(method).parameters.values() if p.name != "self"]
    text = inspect.getdoc(method) or ""
    assert not [p for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    if parameters:
        told = text.partition("\nArgs:\n")[2].partition("\n\n")[0]
        assert [p.name for p in parameters if f"\n    {p.name}: " not in f"\n{told}"] == []
    assert "\nReturns:\n" in text or inspect.signature(method).return_annotation is None
