"""`bgen init`: a commented spec that builds at once."""

from __future__ import annotations

_SPEC = """\
# yaml-language-server: $schema=bgen.schema.json
# (`bgen schema > bgen.schema.json` beside this file makes editors complete and check it.)
apiVersion: bgen/v1
name: {name}
namespace: {name}

# The two places that a version can run in. Give each release a version of its own.
slots:
  blue:
    image: {name}:1.0.0 # replace it: registry/name:tag, or a digest
    version: v1
  # The next version goes here. Without traffic at first; then move `stage` on, one commit a step.
  # green:
  #   image: {name}:2.0.0
  #   version: v2

stable: blue # the slot a rollback returns to; the other one is the candidate
stage: blue # the live stage: blue, header, mirror, split, green or rollback

replicas: 3
port: 8080 # of the container; the Service listens on 80

container:
  resources:
    requests: {{cpu: 100m, memory: 128Mi}}
    limits: {{memory: 256Mi}}
  # The default probe only looks whether the port is open. Better, when the application can tell:
  # readinessProbe: {{httpGet: {{path: /ready, port: 8080}}}}

# Public names, and a gateway for them with HTTPS and a redirect:
# hosts: [{name}.example.com]
# gateway: {{tls: {name}-tls}}

# The Argo CD Application, once you know where the output is committed:
# gitops:
#   argocd: {{repoURL: "https://git.example.com/{name}.git"}}
"""

PRE_COMMIT = """\
To keep the output up to date, add to .pre-commit-config.yaml:

  - repo: <where bgen comes from>
    rev: v{version}
    hooks:
      - id: bgen
"""


def spec(name: str) -> str:
    """The text of a first spec for an application."""
    return _SPEC.format(name=name)
