# Two stages: the toolchain builds, and what runs holds neither it nor a Swift runtime of its own.
# The bases are arguments, so that a mirror or a locally made image can stand in for them.
ARG BUILDER=swift:6.3-bookworm
ARG RUNTIME=debian:bookworm-slim

FROM ${BUILDER} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libldns-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --static-swift-stdlib --product waggle \
    && install -D --strip "$(swift build -c release --show-bin-path)/waggle" /out/usr/bin/waggle

FROM ${RUNTIME}
# nft makes the port redirect inside a container's namespace; certificates are for TLS upstreams.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libldns3 libstdc++6 nftables ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
COPY LICENSE /usr/share/doc/waggle/LICENSE

# Names; gossip; cluster management; the overlay's VXLAN.
EXPOSE 53/udp 53/tcp 7946/tcp 7946/udp 2377 4789/udp
VOLUME /var/lib/waggle
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["waggle", "status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["waggle"]
CMD ["daemon"]
