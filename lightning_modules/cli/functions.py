"""Typed functions as subcommands: their arguments become options, their docstrings the help."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, auto_cli

from lightning_modules.cli.config_files import find_config
from lightning_modules.cli.errors import UserError, raised_by_us
from lightning_modules.cli.explanations import explain
from lightning_modules.cli.origins import Origins
from lightning_modules.cli.tool_page import tool_page


def call(function: Callable[..., Any], arguments: list[str], *, program: str) -> int:
    """Call a function with the options of a command line; give the exit code, 0 unless the function gives one.

    Options are written with hyphens (``--num-images``); a switch needs no value (``--json``). The only
    argument that is not keyword-only may be given first, without its name.

    Args:
        function: Typed, with a Google-style docstring.
        arguments: The command line after the subcommand.
        program: What the help calls the program.

    Raises:
        UserError: An option or a value is wrong, or the function refuses them.
    """
    options = ArgumentParser()  # knows the parameters behind **options, too
    options.add_function_arguments(function, as_positional=False)
    if "-h" in arguments or "--help" in arguments:
        print(tool_page(function, options, program=program))
        return 0
    if "config" not in inspect.signature(function).parameters:
        arguments = list(_with_configs_found(arguments))
    if (first := _first_by_place(function)) and arguments and not arguments[0].startswith("-"):
        arguments = [f"--{first}", *arguments]
    try:
        result = _result(function, list(_plain(arguments, options)), program=program)
    except BrokenPipeError:
        raise
    except (ValueError, OSError, ModuleNotFoundError) as error:
        if isinstance(error, OSError) or raised_by_us(error):
            raise UserError(str(error) or type(error).__name__) from error
        raise
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _result(function: Callable[..., Any], arguments: list[str], *, program: str) -> Any:
    if "config" not in inspect.signature(function).parameters:
        return auto_cli(
            function, args=arguments, as_positional=False, prog=program, parser_class=_Parser, allow_abbrev=False
        )
    # to auto_cli, `config` is always a file that holds the arguments, and never reaches the function
    parser = _Parser(prog=program, allow_abbrev=False)
    parser.add_function_arguments(function, as_positional=False)
    return function(**parser.parse_args(arguments).as_dict())


def _first_by_place(function: Callable[..., Any]) -> str | None:
    """The argument that needs no name: the only one that is not keyword-only."""
    parameters = inspect.signature(function).parameters.values()
    by_place = [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    return by_place[0] if len(by_place) == 1 and len(parameters) > 1 else None


def _with_configs_found(arguments: list[str]) -> Iterator[str]:
    """The same, with configs by their paths: they are searched as those of fit."""
    is_config = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if is_config:
            yield str(find_config(argument))
        elif option == "--config" and equals:
            yield f"{option}={find_config(value)}"
        else:
            yield argument
        is_config = argument == "--config"


def _plain(arguments: list[str], options: ArgumentParser) -> Iterator[str]:
    """The options as jsonargparse has them: with underscores, and a value for each switch."""
    switches = {action.dest for action in options._actions if action.metavar == "{true,false}"}
    for argument, following in itertools.zip_longest(arguments, arguments[1:]):
        if not argument.startswith("--"):
            yield argument
            continue
        option, equals, value = argument[2:].partition("=")
        option = option.replace("-", "_")
        bare = option in switches and not equals and (following is None or following.startswith("--"))
        yield f"--{option}=true" if bare else f"--{option}{equals}{value}"


class _Parser(ArgumentParser):
    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:
            super().error(message, ex)
        if match := re.search(r"the following arguments are required: (.+)", message):
            named = [f"--{name.replace('_', '-')}" for name in match[1].split(", ")]
            text = f"{' and '.join(named)} must be given. See python {self.prog} --help"
            raise UserError(text) from ex
        if match := re.match(r"unrecognized arguments: ([^-]\S*)", message):
            text = f"{match[1]!r} stands alone: it must follow an option. See python {self.prog} --help"
            raise UserError(text) from ex
        options = [name.lstrip("-") for action in self._actions for name in action.option_strings]
        raise UserError(explain(message, origins=Origins(), subcommand=self.prog.split()[-1], options=options)) from ex
