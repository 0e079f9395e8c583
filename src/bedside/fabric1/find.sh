# Reads one path, which may be a pattern. Says the user and the folder where a login starts, and then each
# thing it stands for: `f PATH` a file, `d PATH` a folder, followed by its files, `- PATH` nothing.
id -un
pwd
IFS= read -r path
IFS=
# shellcheck disable=SC2086 # a pattern is to stand for what it matches
set -- $path
for one; do
    if [ -d "$one" ]; then
        printf 'd %s\n' "$one"
        find "$one" \( -type f -o -type l \) -print | sed 's/^/f /'
    elif [ -e "$one" ]; then
        printf 'f %s\n' "$one"
    else
        printf -- '- %s\n' "$one"
    fi
done
