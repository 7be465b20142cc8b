"""Whether a provider is good enough, how sure that is, and whether it is getting worse: pure statistics.

Nothing here calls a provider, reads a clock, opens the ledger or keeps state: values in, values out. It needs no
package beyond Python itself. Names are imported from the modules:

======================  ==========================================================================
``recorded``            typed answers of several providers to the same items, and their reader
``metrics``             what an answer scores against the truth, and how scores add up
``estimate``            a number with its interval; which method is used when
``paired``              two providers on the same items: BETTER, WORSE, EQUIVALENT, UNDECIDED
``sampling``            which calls are looked at, and with what probability
``drift``               alarms with a set number of false ones a year; model change or data change
``votes``, ``ranks``    a probability per label out of several answers; agreement rank
``roi``                 what it is worth, in money
``switch``              when a provider is left, and who may bring it back
======================  ==========================================================================
"""

from __future__ import annotations
