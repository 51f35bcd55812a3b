"""Settings of Jupyter Server that need code; the others are in jupyter_server_config.json."""

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from drlib.runner import lab

c = get_config()  # noqa: F821 - given by Jupyter
c.ServerApp.contents_manager_class = lab.contents_manager(AsyncLargeFileManager)
