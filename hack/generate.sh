#!/usr/bin/env bash
# Generates what is derived from the Go types and markers: deepcopy, apply configurations, the CRD, the manager's ClusterRole.
#
#   hack/generate.sh           writes them into the tree
#   hack/generate.sh --check   writes nothing; exit 1 with the names of the files that differ
#
# Both generate in a temporary copy, because the apply-configuration generator can only write beside its input, and because a generator that
# fails half way must not leave half a tree.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
export GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false" CGO_ENABLED=0

case ${1-} in
'' | --check) ;;
*)
	echo "usage: hack/generate.sh [--check]; found: $*" >&2
	exit 2
	;;
esac

# Paths that hold generated files and nothing else, relative to the root.
generated=(
	api/v1alpha1/zz_generated.deepcopy.go
	api/v1alpha1/applyconfiguration
	config/crd/bases
	config/rbac/role.yaml
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
tar -c --exclude='*_test.go' --exclude=testdata go.mod go.sum api controllers daemon specs | tar -x -C "$work/tree"
for path in "${generated[@]}"; do rm -rf "${work:?}/tree/$path"; done

go build -modfile=hack/tools/go.mod -o "$work/controller-gen" sigs.k8s.io/controller-tools/cmd/controller-gen
cd "$work/tree"
api=./api/v1alpha1
"$work/controller-gen" object "paths=$api"
# The apply configurations are generated after deepcopy: their generator type-checks the package, which needs DeepCopyObject.
"$work/controller-gen" applyconfiguration:omitToolVersion=true "paths=$api"
"$work/controller-gen" crd "paths=$api" output:crd:dir=config/crd/bases
"$work/controller-gen" rbac:roleName=taudaemon-manager paths=./controllers output:rbac:dir=config/rbac
cd "$root"

if [[ ${1-} == --check ]]; then
	differ=0
	for path in "${generated[@]}"; do
		# A generator writes no file where it found nothing to write, and both sides may lack it.
		if [[ ! -e $path && ! -e $work/tree/$path ]]; then continue; fi
		diff -rqN "$path" "$work/tree/$path" >"$work/diff" && continue
		differ=1
		sed -E 's/^Files (.*) and .* differ$/differs from what is generated: \1/' "$work/diff" >&2
	done
	if ((differ)); then
		echo "run: make generate" >&2
		exit 1
	fi
	exit 0
fi
for path in "${generated[@]}"; do
	rm -rf "$path"
	if [[ ! -e $work/tree/$path ]]; then continue; fi
	mkdir -p "$(dirname "$path")"
	cp -r "$work/tree/$path" "$path"
done
