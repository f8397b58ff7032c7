FROM golang:1.26 AS build
WORKDIR /src
ENV GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false" CGO_ENABLED=0
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN mkdir /out && go build -ldflags "-s -w" -o /out/ ./daemon/cmd/taud ./controllers/cmd/manager

FROM scratch
COPY --from=build /out/taud /out/manager /
USER 65532:65532
ENTRYPOINT ["/taud"]
