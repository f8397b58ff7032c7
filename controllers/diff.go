package controllers

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// associative are the lists that server-side apply merges by key: another manager may own elements of them, so an element too many is no
// difference. All other lists are ours as a whole.
var associative = map[string]bool{
	"containers": true, "env": true, "ports": true, "volumeMounts": true, "volumes": true, "ownerReferences": true, "finalizers": true,
}

// covers tells whether live has everything that want says. Fields of live that want does not name are others', or the API server's defaults.
func covers(live, want any) (bool, error) {
	w, err := tree(want)
	if err != nil {
		return false, err
	}
	l, err := tree(live)
	if err != nil {
		return false, err
	}
	// A typed object read through a client has no kind of its own.
	delete(w, "kind")
	delete(w, "apiVersion")
	return coversValue("", l, w), nil
}

func tree(v any) (map[string]any, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("compare %T: %w", v, err)
	}
	var t map[string]any
	if err := json.Unmarshal(encoded, &t); err != nil {
		return nil, fmt.Errorf("compare %T: %w", v, err)
	}
	return t, nil
}

func coversValue(field string, live, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		live, _ := live.(map[string]any)
		for key, value := range want {
			if !coversValue(key, live[key], value) {
				return false
			}
		}
		return true
	case []any:
		live, _ := live.([]any)
		if associative[field] {
			return coversSome(live, want)
		}
		if len(live) != len(want) {
			return false
		}
		for i := range want {
			if !coversValue("", live[i], want[i]) {
				return false
			}
		}
		return true
	case nil:
		return true
	default:
		// The API server leaves out what is zero.
		return live == want || live == nil && reflect.ValueOf(want).IsZero()
	}
}

// coversSome tells whether each wanted element is covered by some live one.
func coversSome(live, want []any) bool {
	for _, w := range want {
		found := false
		for _, l := range live {
			if found = coversValue("", l, w); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	rv := reflect.ValueOf(v)
	return rv.Kind() == reflect.Pointer && rv.IsNil()
}
