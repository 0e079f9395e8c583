# Reads paths, one a line. Says the umask, the user, the folder where a login starts, and then of each path
# what it is: `d` a folder, `f MODE` a file with its mode as ls prints it, `-` nothing.
umask
id -un
pwd
while IFS= read -r path; do
    if [ -d "$path" ]; then
        echo d
    elif [ -e "$path" ]; then
        mode=$(LC_ALL=C ls -ldL -- "$path")
        echo "f ${mode%% *}"
    else
        echo -
    fi
done
