"""Names to classes: the plugins that are installed, and what a notebook registers by hand.

Plugins are the entry points of group `qdist`; each is a module that implements hooks of
`qdist.hookspecs`. They are loaded at the first look-up, never at import. The
environment variable `QDIST_PLUGINS` (entry-point names, separated by commas; empty for none)
narrows what is loaded. The heads that come with qdist are found in the same way, as a plugin that
is always loaded.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from qdist import hookspecs
from qdist.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from qdist.backbones import AbstractBackbone
    from qdist.heads.base import AbstractHead

__all__ = [
    "Registry",
    "backbone",
    "backbones",
    "head",
    "heads",
    "origin",
    "plugins",
    "register_backbone",
    "register_head",
]

GROUP = "qdist"
BUILT_IN = ("qdist.heads.hooks",)

T = TypeVar("T", bound=type)


class Registry:
    """One set of plugins; the functions of this module use one that all the process shares.

    Args:
        group: The entry-point group to load; None for no entry points (for tests).
        built_in: Modules that are always loaded.

    Example:
        >>> registry = Registry(group=None, built_in=())
        >>> registry.backbones()
        {}
    """

    def __init__(self, *, group: str | None = GROUP, built_in: Sequence[str] = BUILT_IN) -> None:
        self._group = group
        self._built_in = built_in
        self._manager: pluggy.PluginManager | None = None
        self._by_hand: dict[str, list[type]] = {"backbone": [], "head": []}

    def load(self, *plugins: Any) -> pluggy.PluginManager:
        """Loads what is installed, once, and adds plugins (modules or objects with hooks).

        Args:
            plugins: Further plugins to add.

        Returns:
            The plugin manager.

        Raises:
            InputError: If a plugin cannot be imported or implements an unknown hook.
            UnknownNameError: If `QDIST_PLUGINS` names an entry point that is not installed.
        """
        if self._manager is None:
            manager = pluggy.PluginManager("qdist")
            manager.add_hookspecs(hookspecs)
            for module in self._built_in:
                manager.register(import_module(module), name=module)
            if self._group is not None:
                _load_entry_points(manager, self._group)
            _check(manager)
            self._manager = manager  # only now: a failed load is tried again at the next look-up
        for plugin in plugins:
            self._manager.register(plugin)
            try:
                _check(self._manager)
            except InputError:
                self._manager.unregister(plugin)
                raise
        return self._manager

    def backbones(self) -> dict[str, "type[AbstractBackbone]"]:
        """As the function [`backbones`][qdist.registry.backbones]."""
        return self._collect("backbone")

    def heads(self) -> dict[str, "type[AbstractHead]"]:
        """As the function [`heads`][qdist.registry.heads]."""
        return self._collect("head")

    def register(self, kind: str, cls: T) -> T:
        """Adds one class by hand; see [`register_backbone`][qdist.registry.register_backbone]."""
        name = _name_of(cls)  # mistakes are refused here, where they are made
        if _BASES[kind] not in map(_path, cls.__mro__):
            raise InputError(
                f"Expected a subclass of {_BASES[kind]}; got {_path(cls)}. Derive it from that."
            )
        for other in self._from_plugins(kind):
            if other is not cls and other.__dict__.get("name") == name:
                raise _two(kind, name, other, cls)
        kept = [other for other in self._by_hand[kind] if _path(other) != _path(cls)]
        for other in kept:
            if _name_of(other) == name:
                raise _two(kind, name, other, cls)
        self._by_hand[kind] = [*kept, cls]  # a cell run twice replaces its own class
        return cls

    def _from_plugins(self, kind: str) -> list[type]:
        """The classes of the plugins that are loaded; none are loaded for that."""
        if self._manager is None:
            return []
        hooks: dict[str, Callable[[], list[Any]]] = {
            "backbone": self._manager.hook.qdist_register_backbones,
            "head": self._manager.hook.qdist_register_heads,
        }
        return [cls for returned in hooks[kind]() for cls in _as_sequence(returned)]

    def _collect(self, kind: str) -> dict[str, Any]:
        self.load()
        found: dict[str, type] = {}
        for cls in (*self._from_plugins(kind), *self._by_hand[kind]):
            name = _name_of(cls)
            other = found.setdefault(name, cls)
            if other is not cls:
                # A class that was registered by hand before the plugins were loaded can be
                # registered again under another name. If it were kept, every look-up would fail
                # for as long as the process lives.
                self._by_hand[kind] = [c for c in self._by_hand[kind] if c is not cls]
                raise _two(kind, name, other, cls)
        return dict(sorted(found.items()))


def backbones() -> dict[str, "type[AbstractBackbone]"]:
    """All known backbone classes by name, sorted.

    Raises:
        InputError: If two classes carry the same name, or a plugin is broken.
    """
    return _SHARED.backbones()


def heads() -> dict[str, "type[AbstractHead]"]:
    """All known head classes by name, sorted.

    Raises:
        InputError: If two classes carry the same name, or a plugin is broken.
    """
    return _SHARED.heads()


def backbone(name: str) -> "type[AbstractBackbone]":
    """The backbone class of a name.

    Raises:
        UnknownNameError: If there is none; the message lists those that there are.
    """
    return _look_up("backbone", name, backbones())


def head(name: str) -> "type[AbstractHead]":
    """The head class of a name.

    Raises:
        UnknownNameError: If there is none; the message lists those that there are.

    Example:
        >>> head("binned").__name__
        'BinnedHead'
    """
    return _look_up("head", name, heads())


def origin(cls: type) -> dict[str, str | None]:
    """The package that brought a class, by its entry point, and the package's version.

    Returns:
        `package` and `version`, or `None` for each where the class was registered by hand.

    Example:
        >>> origin(head("binned"))["package"]
        'qdist'
    """
    top = cls.__module__.split(".")[0]
    modules = {point.module.split(".")[0]: point for point in entry_points(group=GROUP)}
    if top == "qdist":
        return {"package": "qdist", "version": version("qdist")}
    found = modules[top].dist if top in modules else None
    if found is None:
        return {"package": None, "version": None}
    return {"package": found.name, "version": found.version}


def plugins() -> dict[str, str]:
    """The loaded plugins: entry-point name to where it lives, sorted."""
    manager = _SHARED.load()
    return dict(sorted((name, _module(manager, name)) for name, _ in manager.list_name_plugin()))


def register_backbone(cls: T) -> T:
    """Makes a backbone class known by its `name` in this process (also as a decorator).

    Raises:
        InputError: If it is no subclass of `AbstractBackbone`, has no `name` of its own, or has
            that of another class that was registered or that a loaded plugin brought.
    """
    return _SHARED.register("backbone", cls)


def register_head(cls: T) -> T:
    """Makes a head class known by its `name` in this process (also as a decorator).

    Raises:
        InputError: If it is no subclass of `AbstractHead`, has no `name` of its own, or has that
            of another class that was registered or that a loaded plugin brought.
    """
    return _SHARED.register("head", cls)


def _look_up(kind: str, name: str, known: dict[str, T]) -> T:
    try:
        return known[name]
    except (KeyError, TypeError):  # a list is no name of anything
        listed = ", ".join(known) or "none"
        raise UnknownNameError(
            f"Expected the name of a {kind}; got {name!r}; known: {listed}. "
            "Install the plugin that has it, or see that QDIST_PLUGINS does not leave it out."
        ) from None


def _load_entry_points(manager: pluggy.PluginManager, group: str) -> None:
    # The same distribution can be found twice on sys.path; a dict keeps one of each.
    found = {(point.name, point.value): point for point in entry_points(group=group)}
    wanted = os.environ.get("QDIST_PLUGINS")
    names = {name for name, _ in found}
    if wanted is not None:
        chosen = {name.strip() for name in wanted.split(",")} - {""}
        if chosen - names:
            raise UnknownNameError(
                f"Expected names of installed plugins in QDIST_PLUGINS; got "
                f"{', '.join(sorted(chosen - names))}; known: {', '.join(sorted(names))}."
            )
        names = chosen
    for (name, value), point in sorted(found.items()):
        if name not in names:
            continue
        if manager.has_plugin(name):
            raise InputError(
                f"Expected one plugin of the name {name!r}; got two: "
                f"{_module(manager, name)} and {value}. Uninstall one."
            )
        try:
            manager.register(point.load(), name=name)
        except Exception as error:
            raise InputError(
                f"Expected plugin {name!r} ({value}) to be importable; got {error!r}. "
                "Repair or uninstall it, or leave it out with QDIST_PLUGINS."
            ) from error


def _check(manager: pluggy.PluginManager) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise InputError(
            f"Expected only hooks of qdist.hookspecs; got {error}. Correct the hook's name."
        ) from error


def _module(manager: pluggy.PluginManager, name: str) -> str:
    return str(getattr(manager.get_plugin(name), "__name__", name))


# By name: the classes lie in layers above this one, and load torch.
_BASES = {
    "backbone": "qdist.backbones.base.AbstractBackbone",
    "head": "qdist.heads.base.AbstractHead",
}


def _as_sequence(returned: Any) -> Iterable[type]:
    return [returned] if isinstance(returned, type) else returned


def _name_of(cls: type) -> str:
    if not isinstance(cls, type):
        raise InputError(f"Expected a class; got {cls!r}. Register the class, not an instance.")
    name = cls.__dict__.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(
            f"Expected a class attribute `name` (a string) on {_path(cls)}; got {name!r}. "
            "The registry knows a class by its name."
        )
    return name


def _two(kind: str, name: str, first: type, second: type) -> InputError:
    return InputError(
        f"Expected one {kind} of the name {name!r}; got two: {_path(first)} and "
        f"{_path(second)}. Rename one, or narrow the plugins with QDIST_PLUGINS."
    )


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


_SHARED = Registry()
