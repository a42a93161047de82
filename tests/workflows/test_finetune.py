"""What a training that failed is given as its second chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SETTINGS = {"epochs": 3, "learning_rate": 1e-3, "batch_size": 8, "seed": 1}


@pytest.fixture
def finetune(engine_code: Any, learner: Any, copper: Any, generate_workchain: Callable) -> Callable:
    """A training with these settings, after its first attempt was submitted."""

    def factory(**changes: Any) -> Any:
        from aiida.orm import Dict

        from aiida_anhcsp.workflows.finetune import FinetuneWorkChain

        inputs = {
            "code": engine_code,
            "potential": learner,
            "dataset": copper,
            "settings": Dict({**SETTINGS, **changes}),
        }
        workchain = generate_workchain(FinetuneWorkChain, inputs)
        workchain.setup()
        workchain.ctx.iteration = 1
        return workchain

    return factory


def failed(workchain: Any, add_child: Callable, status: int, message: str, **outputs: Any) -> Any:
    node = add_child(workchain, "iteration_01", outputs, status=status, message=message)
    workchain.ctx.children = [node]
    workchain.node.base.extras.set(workchain._considered_handlers_extra, [[]])
    return node


def test_training_that_diverged_starts_again_at_a_lower_rate(finetune: Callable, add_child: Callable) -> None:
    workchain = finetune()
    failed(workchain, add_child, 420, "training diverged at 4 learning rates, the last 1.2e-04")
    assert workchain.inspect_process().status == 0
    assert workchain.ctx.inputs.settings["learning_rate"] == pytest.approx(1e-3 / 16)
    assert workchain.should_run_process()


def test_training_that_diverges_at_the_lowest_rate_is_given_up(finetune: Callable, add_child: Callable) -> None:
    workchain = finetune(learning_rate=2e-6)
    failed(workchain, add_child, 420, "training diverged at 4 learning rates")
    assert workchain.inspect_process().status == 410


def retrieved(files: dict[str, str]) -> Any:
    import io

    from aiida.orm import FolderData

    folder = FolderData()
    for name, content in files.items():
        folder.base.repository.put_object_from_filelike(io.BytesIO(content.encode()), name)
    return folder


def test_training_that_is_killed_for_its_memory_gets_smaller_batches(finetune: Callable, add_child: Callable) -> None:
    workchain = finetune()
    failed(workchain, add_child, 421, "it was killed by signal 9", retrieved=retrieved({"exit_status": "137\n"}))
    assert workchain.inspect_process().status == 0
    assert workchain.ctx.inputs.settings["batch_size"] == 4
    assert workchain.ctx.inputs.settings["learning_rate"] == SETTINGS["learning_rate"]


def test_training_whose_single_structures_do_not_fit_is_given_up(finetune: Callable, add_child: Callable) -> None:
    workchain = finetune()
    message = "one structure at a time needs too much memory"
    failed(workchain, add_child, 421, message, retrieved=retrieved({"exit_status": "4\n"}))
    assert workchain.inspect_process().status == 411


@pytest.mark.parametrize("checkpoint", ["checkpoint.pth", "checkpoint.npz"])
def test_interrupted_training_goes_on_after_its_last_epoch(
    finetune: Callable, add_child: Callable, aiida_localhost: Any, checkpoint: str
) -> None:
    from aiida.orm import RemoteData

    files = retrieved({f"out/{checkpoint}": "epoch 2"})
    remote = RemoteData(computer=aiida_localhost, remote_path="/somewhere")
    workchain = finetune()
    failed(workchain, add_child, 400, "wall time", retrieved=files, remote_folder=remote)
    assert workchain.inspect_process().status == 0
    assert workchain.ctx.inputs.parent_folder.pk == remote.pk
    assert workchain.ctx.inputs.settings.get_dict() == SETTINGS


@pytest.mark.parametrize(("status", "expected"), [(310, 310), (320, 403), (300, 403)])
def test_what_the_engine_refuses_or_fails_at_ends_with_its_line_and_is_not_tried_again(
    finetune: Callable, add_child: Callable, status: int, expected: int
) -> None:
    from aiida_anhcsp.report.progress import messages_of

    workchain, line = finetune(), "--potential: level is 9; give one of 2, 4, 6"
    job = failed(workchain, add_child, status, f"The engine refused its input: {line}")
    code = workchain.inspect_process()
    assert code.status == expected
    assert f"Mock<{job.pk}> exit status {status}" in code.message and line in code.message
    assert any(line in text for *_, text in messages_of(workchain.node))


def test_unknown_setting_is_refused_by_name(finetune: Callable) -> None:
    with pytest.raises(ValueError, match=r"settings.*epohcs"):
        finetune(epohcs=5)
