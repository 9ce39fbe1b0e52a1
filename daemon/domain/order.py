"""What every order is: something that a person asks for beside a run."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

A = TypeVar("A")


class Order(Generic[A]):
    """Something that a person asks for beside a run, and is answered with an `A`."""

    __slots__ = ()
    name: ClassVar[str]
    answer: ClassVar[type[Any]]
    needs_folders: ClassVar[bool] = True
