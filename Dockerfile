# syntax=docker/dockerfile:1
# A static binary on an empty image, for those who build with an engine:
#   docker buildx build --platform linux/amd64,linux/arm64,linux/arm/v7 --build-arg VERSION=v1.2.3 .
# `make image` makes the same without one. Base images are arguments, so that a
# campus may name its own mirror. The compiler runs on the builder's own platform.
# For cameras by RTSP, BASE_IMAGE is an image with ffmpeg; docs/user/cameras.md has one,
# and how a USB camera comes into the container.
ARG GO_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=scratch

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH TARGETVARIANT VERSION=dev
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} GOARM=${TARGETVARIANT#v} \
    go build -trimpath -tags nethttpomithttp2 \
      -gcflags=github.com/nats-io/nats-server/v2/...=-l \
      -gcflags=google.golang.org/protobuf/...=-l \
      -gcflags=github.com/yuin/...=-l \
      -gcflags=github.com/goccy/go-yaml/...=-l \
      -gcflags=github.com/prometheus/...=-l \
      -gcflags=github.com/alicebob/...=-l \
      -gcflags=github.com/rabbitmq/...=-l \
      -gcflags=github.com/redis/...=-l \
      -ldflags "-s -w -X main.version=${VERSION}" -o /out/labbox ./cmd/labbox && mkdir -p /out/data

FROM ${BASE_IMAGE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="labbox" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/labbox /labbox
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/labbox", "health"]
ENTRYPOINT ["/labbox"]
CMD ["run", "--data", "/data", "--listen", "0.0.0.0:8080"]
