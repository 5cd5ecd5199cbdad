"""The owner's desk: pages and an API on the machine that holds the key.

The desk is the key owner's side. It talks to a `gallery.protocol.GalleryService`, as the commands
do, and imports nothing of the keyless server.

Nothing is imported here: commands that erase people erase the desk's thumbnails of them as well
(`gallery.desk.thumbnails`), also where the packages of the extra ``desk`` are not installed.
"""
