r"""FR-Train: fair and robust training with two discriminators (Roh et al., ICML 2020).

A linear classifier with logit :math:`\ell(x, s)` is trained against a *fairness* discriminator
:math:`D_F`, which guesses the sensitive attribute ``s`` from the logit, and a *robustness*
discriminator :math:`D_R`, which tells the rows of a small clean set from those of the (possibly
poisoned) training set:

.. math::

   \min_\theta\;(1-\lambda_f-\lambda_r)\,L_1
     - \lambda_f\,\mathrm{BCE}\bigl(D_F(\ell), s\bigr)
     - \lambda_r\,\mathrm{BCE}\bigl(D_R(x, s, \ell), 0\bigr).

Two variants are kept apart by :class:`Config`:

``released``
    what the public code does: :math:`D_R` sees the *logit* of a training row, never its label.
    The talk does not say what :math:`D_R` sees; the theorem's triple can be read like this.
``label-fed``
    ours, not the authors': :math:`D_R` sees the training *label*, and its output, normalised to
    mean one, weighs the training loss.

Read :mod:`~fairtut.methods.frtrain.steps` for the equations of one epoch and
:mod:`~fairtut.methods.frtrain.training` for the schedule.  The models are tiny (4 + 3 + 97
numbers), so a plain loop spends its time on overhead; here all seeds and all
:math:`\lambda_f` of a data set train at once, with gradients in closed form.
"""

from fairtut.methods.frtrain.config import (
    LABEL_FED,
    RELEASED_CLEAN,
    RELEASED_POISONED,
    VARIANTS,
    Config,
    debiasing,
)
from fairtut.methods.frtrain.estimator import FRTrain
from fairtut.methods.frtrain.training import Trained, linear_logit, train

__all__ = [
    "LABEL_FED",
    "RELEASED_CLEAN",
    "RELEASED_POISONED",
    "VARIANTS",
    "Config",
    "FRTrain",
    "Trained",
    "debiasing",
    "linear_logit",
    "train",
]
