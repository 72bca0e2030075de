"""`deployctl docs evidence`: what is kept of a run, of whom, for how long, and how it goes."""

TEXT = """\
EVIDENCE

Where it is
  This machine   ~/.local/state/deployctl/evidence/TARGET/RUN/ (or --evidence-dir): the run's files
                 and seal.json, which signs the digest of each. 0700 and 0600.
  This machine   ~/.local/state/deployctl/journals/: how far each host's journal has been seen.
  The host       journal.jsonl and runs/RUN/ in its state directory.
  CI             whatever the job keeps as an artefact.

Who stands in it
  seal.json      who ran it and who approved, as their login or CI names them; user and name of the
                 machine, or the CI job's address; the fingerprint of the signing key.
  events.ndjson  the same names.
  gates/         what the service answered to the gates: no more than the gates ask for. A gate
                 whose answer holds data of users puts them here; ask for less, or elsewhere.
  runs/RUN       on the host: who holds or held the lock.
  journal.jsonl  nobody. An entry is a number, a time, a run, a commit, an outcome, a digest.

What is taken out
  Known secrets, in the forms in which tools print them, and what looks like one; on the host
  before anything leaves it, here before anything is written, and once more when it is sealed.
  What can't be cleaned is not kept, and named in the seal (`dropped`).

How long
  Here as long as a release of its time is kept (retention.keep, by default 5), or for ever with
  retention.evidence: all; what --evidence-dir names is never removed. On the host the same; the
  journal stays, at three lines a run.

Erasing it (LGPD Art. 18, GDPR Art. 17)
  Remove the run's directory, here and wherever it was copied, and runs/RUN on the host. The journal
  holds digests alone and stays whole; other seals verify as before. Only a policy with
  `chain: required` tells of the seal that is gone. A file of the directory can't be removed by
  itself unnoticed: `verify` names it, which is what it is for.

What it proves
  deployctl verify SEAL says it in one line. That a key signed exactly these bytes; not that its
  holder told the truth, nor when: the time is the signer's word. That a journal was changed shows
  against a head or a seal that lies elsewhere: since the last of them, and not before.
"""
