"""bgen compiles one small release spec into the manifests of a blue-green release under Istio."""

__version__ = "0.1.0"
