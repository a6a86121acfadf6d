"""Policies as files that a lawyer can read: loading them, and deciding by them.

The chassis knows the form of a policy; what it is about (facts, levers, answers) stands in a vocabulary file.
Texts are passed in as text, because services receive them inside events.
"""

from services.chassis.policy.decide import decide
from services.chassis.policy.folder import PolicyFolder
from services.chassis.policy.loader import load_policy
from services.chassis.policy.mistakes import Mistake, PolicyError
from services.chassis.policy.model import Clause, Decision, Policy, Reason, SetAside
from services.chassis.policy.stack import Stack, StackDecision, stack_in_force
from services.chassis.policy.vocabulary import NEVER, Fact, Kind, Question, Value, Vocabulary
from services.chassis.policy.vocabulary_loader import load_vocabulary

__all__ = [
    "NEVER",
    "Clause",
    "Decision",
    "Fact",
    "Kind",
    "Mistake",
    "Policy",
    "PolicyError",
    "PolicyFolder",
    "Question",
    "Reason",
    "SetAside",
    "Stack",
    "StackDecision",
    "Value",
    "Vocabulary",
    "decide",
    "load_policy",
    "load_vocabulary",
    "stack_in_force",
]
