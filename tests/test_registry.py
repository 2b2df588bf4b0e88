"""Plugins are found by name, at the first look-up, and mistakes name both sides."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from qdist import hookspecs, registry
from qdist.backbones import AbstractBackbone
from qdist.errors import InputError, UnknownNameError
from qdist.heads.base import AbstractHead
from qdist.hookspecs import hookimpl
from qdist.registry import Registry

ROOT = Path(__file__).parents[1]
HOOKS = [name for name in hookspecs.__all__ if name.startswith("qdist_")]


class Both(AbstractBackbone, AbstractHead):
    """To be registered as either."""


class First(Both):
    name = "first"


class Second(Both):
    name = "second"


class AlsoFirst(Both):
    name = "first"


def plugin(**hooks):
    """A plugin whose hooks return what is given."""
    made = SimpleNamespace()
    for name, returned in hooks.items():
        setattr(made, name, hookimpl(specname=name)(lambda returned=returned: returned))
    return made


def fresh(*plugins):
    """A registry that knows only these plugins."""
    made = Registry(group=None, built_in=())
    made.load(*plugins)
    return made


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_of_its_name(hook):
    assert f"test_{hook}" in globals()


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("page", ["docs/extending.md", "docs/reference/hooks.md"])
def test_every_hook_is_documented_with_its_true_signature(hook, page):
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), flags=re.MULTILINE)
    assert any(f"{hook}({arguments})" in heading for heading in headings)


def test_hooks_carry_a_version():
    assert hookspecs.VERSION == 1


@pytest.mark.parametrize("returned", [First, [First], (First,)], ids=["class", "list", "tuple"])
def test_qdist_register_backbones(returned):
    assert fresh(plugin(qdist_register_backbones=returned)).backbones() == {"first": First}


@pytest.mark.parametrize("returned", [First, [First, Second]], ids=["class", "list"])
def test_qdist_register_heads(returned):
    found = fresh(plugin(qdist_register_heads=returned)).heads()
    assert found == {c.name: c for c in (First, Second)[: len(found)]}
    assert fresh(plugin(qdist_register_heads=returned)).backbones() == {}


def test_the_shipped_heads_come_by_the_same_hook():
    shipped = Registry(group=None).heads()
    assert {"binned", "categorical", "implicit", "spline"} <= set(shipped)
    assert all(cls.name == name for name, cls in shipped.items())
    assert list(shipped) == sorted(shipped)


def test_two_classes_of_one_name_raise_and_name_both():
    both = fresh(
        plugin(qdist_register_backbones=First), plugin(qdist_register_backbones=AlsoFirst)
    )
    with pytest.raises(
        InputError, match=r"one backbone of the name 'first'; got two: .*"
    ) as error:
        both.backbones()
    assert all(f"{__name__}.{cls.__name__}" in str(error.value) for cls in (First, AlsoFirst))


def test_the_same_class_twice_is_one():
    twice = [plugin(qdist_register_heads=First) for _ in range(2)]
    assert fresh(*twice).heads() == {"first": First}


def test_a_class_registered_by_hand_is_found_and_may_be_replaced_by_its_own_next_version():
    made = fresh()

    def cell():  # a notebook's cell, run again
        class Mine(AbstractBackbone):
            name = "mine"

        return made.register("backbone", Mine)

    cell()
    latest = cell()
    assert made.backbones() == {"mine": latest}
    made.register("backbone", First)
    with pytest.raises(InputError, match="got two"):
        made.register("backbone", AlsoFirst)
    assert made.backbones() == {"first": First, "mine": latest}


def test_a_name_that_a_plugin_has_is_refused_once_and_the_others_stay():
    made = Registry(group=None, built_in=())
    made.register("backbone", AlsoFirst)  # plugins are not loaded for that: it may be an import
    made.load(plugin(qdist_register_backbones=[First, Second]))
    with pytest.raises(InputError, match="got two"):
        made.backbones()
    assert made.backbones() == {"first": First, "second": Second}


@pytest.mark.parametrize("kind", ["backbone", "head"])
def test_a_name_of_a_loaded_plugin_is_refused_where_it_is_registered(kind):
    made = fresh(plugin(**{f"qdist_register_{kind}s": [First, Second]}))
    with pytest.raises(InputError, match=f"one {kind} of the name 'first'; got two: .*AlsoFirst"):
        made.register(kind, AlsoFirst)
    assert made.register(kind, Second) is Second  # the plugin's own
    assert getattr(made, f"{kind}s")() == {"first": First, "second": Second}


@pytest.mark.parametrize(
    ("kind", "other"), [("backbone", AbstractHead), ("head", AbstractBackbone), ("head", object)]
)
def test_a_class_of_another_kind_is_refused(kind, other):
    made = fresh()
    words = rf"subclass of qdist\..*Abstract{kind.title()}; got .*Other. Derive it from that"
    with pytest.raises(InputError, match=words):
        made.register(kind, type("Other", (other,), {"name": "other"}))
    assert getattr(made, f"{kind}s")() == {}


def test_the_shared_registry_takes_classes_by_hand(monkeypatch):
    monkeypatch.setattr(registry, "_SHARED", fresh())
    assert registry.register_backbone(First) is First
    assert registry.register_head(Second) is Second
    assert registry.backbone("first") is First
    assert registry.head("second") is Second
    assert registry.plugins() == {}


@pytest.mark.parametrize("kind", ["backbone", "head"])
def test_an_unknown_name_lists_the_known_ones(monkeypatch, kind):
    made = fresh(
        plugin(qdist_register_backbones=[Second, First], qdist_register_heads=[Second, First])
    )
    monkeypatch.setattr(registry, "_SHARED", made)
    with pytest.raises(
        UnknownNameError, match=f"name of a {kind}; got 'frist'; known: first, second"
    ):
        getattr(registry, kind)("frist")


def test_nothing_known_says_so(monkeypatch):
    monkeypatch.setattr(registry, "_SHARED", fresh())
    with pytest.raises(UnknownNameError, match="known: none"):
        registry.backbone("mlp")


@pytest.mark.parametrize("wrong", [type("Bare", (), {}), type("Odd", (), {"name": 3}), "first"])
def test_a_class_without_a_name_is_refused(wrong):
    with pytest.raises(InputError, match=r"class attribute `name`|Expected a class"):
        fresh().register("head", wrong)


def test_a_misspelt_hook_is_refused_and_not_kept():
    made = fresh()
    with pytest.raises(InputError, match=r"only hooks of qdist.hookspecs; got .*regster"):
        made.load(plugin(qdist_regster_heads=First))
    assert made.heads() == {}


def point(name, value, load):
    return SimpleNamespace(name=name, value=value, load=load)


@pytest.fixture
def installed(monkeypatch):
    """Pretends that entry points are installed; gives the names of those that were loaded."""
    loaded = []

    def install(*points):
        def make(name, value, made):
            def load():
                loaded.append(name)
                if isinstance(made, Exception):
                    raise made
                return made

            return point(name, value, load)

        monkeypatch.setattr(registry, "entry_points", lambda group: [make(*p) for p in points])
        return Registry(built_in=())

    return SimpleNamespace(install=install, loaded=loaded)


ONE = ("one", "package_one", plugin(qdist_register_backbones=First))
TWO = ("two", "package_two", plugin(qdist_register_backbones=Second))


def test_entry_points_are_loaded_at_the_first_look_up_and_once(installed, monkeypatch):
    monkeypatch.delenv("QDIST_PLUGINS", raising=False)
    made = installed.install(ONE, TWO, ONE)  # a distribution may be found twice
    assert installed.loaded == []
    assert list(made.backbones()) == ["first", "second"]
    assert list(made.backbones()) == ["first", "second"]
    assert installed.loaded == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "loaded"), [("two", ["two"]), ("two, one", ["one", "two"]), ("", [])]
)
def test_the_environment_narrows_the_plugins(installed, monkeypatch, value, loaded):
    monkeypatch.setenv("QDIST_PLUGINS", value)
    installed.install(ONE, TWO).backbones()
    assert installed.loaded == loaded


def test_the_environment_must_name_installed_plugins(installed, monkeypatch):
    monkeypatch.setenv("QDIST_PLUGINS", "three")
    with pytest.raises(UnknownNameError, match=r"QDIST_PLUGINS; got three; known: one, two"):
        installed.install(ONE, TWO).backbones()


def test_two_plugins_of_one_name_raise_and_name_both(installed, monkeypatch):
    monkeypatch.delenv("QDIST_PLUGINS", raising=False)
    with pytest.raises(InputError, match=r"one plugin of the name 'one'; got two: .* package_two"):
        installed.install(ONE, ("one", "package_two", TWO[2])).backbones()


def test_a_broken_plugin_is_named_and_tried_again(installed, monkeypatch):
    monkeypatch.delenv("QDIST_PLUGINS", raising=False)
    made = installed.install(ONE, ("bad", "package_bad", ImportError("no torch")))
    for _ in range(2):
        with pytest.raises(InputError, match=r"plugin 'bad' \(package_bad\) .*no torch"):
            made.backbones()


def test_the_tutorial_shows_the_toy_plugin_word_for_word():
    page = (ROOT / "docs/tutorial/backbone-plugin.md").read_text()
    for name in ("pyproject.toml", "qdist_pooled.py"):
        assert (ROOT / "tests/toy_plugin" / name).read_text() in page


ASK = """
import sys
from qdist import registry
assert "qdist_pooled" not in sys.modules, "loaded before the first look-up"
found = registry.backbone("pooled")
from qdist.testing import check_backbone
check_backbone(found)
print(found.__module__, registry.plugins()["pooled"])
"""


@pytest.mark.slow
def test_a_stranger_s_plugin_is_built_installed_and_found(tmp_path):
    source = shutil.copytree(ROOT / "tests/toy_plugin", tmp_path / "source")
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *offline, "--target", str(target), str(source)], check=True)
    path = os.pathsep.join([str(target), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "QDIST_PLUGINS": "pooled"}
    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.split() == ["qdist_pooled", "qdist_pooled"]
