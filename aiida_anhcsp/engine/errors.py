"""The one error a user's input can raise."""


class InputError(ValueError):
    """Bad input: one line that names the argument and the fix (exit status 2 of ``anhcsp-engine``)."""

    def __init__(self, argument: str, problem: str, fix: str) -> None:
        self.argument, self.problem, self.fix = argument, problem, fix
        super().__init__(" ".join(f"{argument}: {problem}; {fix}".split()))
