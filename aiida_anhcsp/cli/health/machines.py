"""What computers answer to the doctor's questions."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiida.orm import Computer, InstalledCode
    from aiida.transports import Transport


def engine_version(code: InstalledCode) -> str | None:
    """Version that an engine says it is where jobs run it, None where it does not answer."""
    texts = [code.computer.get_prepend_text(), code.prepend_text, run_line(code, "--version")]
    answer = _ask(code.computer, lambda _: "\n".join(text for text in texts if text))
    return answer.split()[-1] if answer else None


def run_line(code: InstalledCode, *arguments: str) -> str:
    """The line of a job script that runs a code without MPI, in its container where it has one."""
    from aiida.common.datastructures import CodeRunMode
    from aiida.schedulers.datastructures import JobTemplateCodeInfo

    info = JobTemplateCodeInfo(
        prepend_cmdline_params=code.get_prepend_cmdline_params(),
        cmdline_params=code.get_executable_cmdline_params(list(arguments)),
        use_double_quotes=[code.computer.get_use_double_quotes(), code.use_double_quotes],
        wrap_cmdline_params=code.wrap_cmdline_params,
    )
    return str(code.computer.get_scheduler()._get_run_line([info], CodeRunMode.SERIAL)).strip()


def free_gigabytes(computer: Computer) -> float | None:
    """Free space where a computer's jobs run or will run, None where it does not answer."""

    def command(transport: Transport) -> str:
        folder = shlex.quote(computer.get_workdir().format(username=transport.whoami()))
        return f'd={folder}; while [ ! -e "$d" ]; do d=$(dirname "$d"); done; df -Pk "$d"'

    lines = (_ask(computer, command) or "").splitlines()
    return int(lines[-1].split()[3]) / 1e6 if len(lines) > 1 else None


def _ask(computer: Computer, command: Callable[[Transport], str]) -> str | None:
    """What a computer answers to a command, None where it does not."""
    from aiida.common.exceptions import AiidaException

    try:
        with computer.get_transport() as transport:
            status, output, _ = transport.exec_command_wait(command(transport))
    except (AiidaException, OSError):
        return None
    return str(output).strip() if status == 0 else None
