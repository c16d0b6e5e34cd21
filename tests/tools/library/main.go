// Command library runs an original engine as a library, again and again in one process, so that its work can be measured
// without its start:
//
//	library kustomize ROUNDS DIR
//	library helm ROUNDS CHART RELEASE NAMESPACE [VALUES]
package main

import (
	"fmt"
	"os"
	"strconv"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: library kustomize|helm ROUNDS PATH …")
	}
	rounds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	work := func() (int, error) { return kustomization(args[2]) }
	if args[0] == "helm" {
		work = func() (int, error) { return chart(args[2:]) }
	}
	size := 0
	for range rounds {
		if size, err = work(); err != nil {
			return err
		}
	}
	fmt.Println(size, "bytes")
	return nil
}

// kustomization builds a directory with the options of the command line.
func kustomization(directory string) (int, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy
	options.LoadRestrictions = types.LoadRestrictionsRootOnly
	built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return 0, err
	}
	text, err := built.AsYaml()
	return len(text), err
}

// chart loads and renders a chart as `helm template` does, without sorting and printing the result.
func chart(args []string) (int, error) {
	if len(args) < 3 {
		return 0, fmt.Errorf("usage: library helm ROUNDS CHART RELEASE NAMESPACE [VALUES]")
	}
	loaded, err := loader.Load(args[0])
	if err != nil {
		return 0, err
	}
	values := common.Values{}
	if len(args) > 3 {
		if values, err = common.ReadValuesFile(args[3]); err != nil {
			return 0, err
		}
	}
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return 0, err
	}
	release := common.ReleaseOptions{Name: args[1], Namespace: args[2], Revision: 1, IsInstall: true}
	render, err := util.ToRenderValues(loaded, values, release, common.DefaultCapabilities)
	if err != nil {
		return 0, err
	}
	files, err := engine.Engine{}.Render(loaded, render)
	size := 0
	for _, text := range files {
		size += len(text)
	}
	return size, err
}
