"""What can go wrong with onboarding, beyond what every noun answers."""

from control_api.errors import Conflict, InvalidRequest


class StepNotSkippable(InvalidRequest):
    code, title = "step_not_skippable", "The step can't be skipped"
    example = "the step hours can't be skipped: do it, or leave it to do"


class OnboardingIncomplete(Conflict):
    code, title = "onboarding_incomplete", "Something is still missing"
    example = "2 things are still missing: see errors"
