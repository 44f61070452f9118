"""Foreign structures as tables: what the kernel, the CPU manuals and the PCI and virtio specifications define.

One module per structure family, each naming its source; long lists of names are in `facts`. Nothing here knows Cloud
Hypervisor.
"""
