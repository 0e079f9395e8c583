# Say what is in a folder. $1: a word to begin with, $2: the path.
echo "$1"
cd "$2" && ls . >/dev/null || exit 1
show() {
    set -f
    name=$1
    if [ -L "$name" ]; then kind="link"
    elif [ -d "$name" ]; then kind=directory
    elif [ -f "$name" ]; then kind="file"
    else kind=other
    fi
    time=$(date -r "$name" +%s 2>/dev/null) || time=$(stat -c %Y "$name" 2>/dev/null) || time=-
    # shellcheck disable=SC2046 # its words are what we want
    set -- $(ls -lnd "$name")
    printf '%s %s %s %s %s\0' "$kind" "$1" "$5" "${time:--}" "${name#./}"
    set +f
}
for file in ./* ./.[!.]* ./..?*; do
    if [ -e "$file" ] || [ -L "$file" ]; then show "$file"; fi
done
