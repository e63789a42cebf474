extension Observations {
    /// Everything that was measured, under the names of the document.
    package var figures: Figure {
        func spread(_ name: String, _ samples: Samples, unit: UInt64 = 1000) -> [(String, Figure)] {
            samples.isEmpty ? [] : [(name, .group(samples.figures(unit: unit)))]
        }
        func count(_ name: String, _ value: Int) -> (String, Figure) {
            (name, .number(UInt64(value)))
        }
        var out: [(String, Figure)] = []
        out += spread("firstSuspicionMilliseconds", firstSuspicion)
        out += spread("firstDrainMilliseconds", firstDrain)
        out += spread("halfDrainedMilliseconds", halfDrained)
        out += spread("firstDeadMilliseconds", firstDead)
        out += spread("dead50Milliseconds", dead50)
        out += spread("dead99Milliseconds", dead99)
        out += spread("deadEverywhereMilliseconds", deadEverywhere)
        if crashes > 0 {
            out += [count("crashes", crashes), count("crashesMissed", crashesMissed)]
        }
        out += spread("told50Milliseconds", told50)
        out += spread("told99Milliseconds", told99)
        out += spread("toldEverywhereMilliseconds", toldEverywhere)
        if rumours > 0 {
            out += [count("rumours", rumours), count("rumoursMissed", rumoursMissed)]
        }
        out += [
            count("falseDeaths", falseDeaths),
            count("falseDeathsAtHealthy", falseDeathsAtHealthy),
            count("falseSuspicions", falseSuspicions), count("drains", drains),
            ("wronglyDrainedMillionths", .number(share(wronglyDrained, of: watched))),
            ("drainedAtOnceThousandths", .number(drainedAtOnce)),
        ]
        out += spread("readmissionMilliseconds", readmission)
        out += spread("readmissionOfWellMilliseconds", readmissionOfWell)
        out += traffic
        out += spread("fullViewMilliseconds", fullView, unit: 1)
        out += spread("distinctSizes", distinctSizes, unit: 1)
        out += [
            count("runs", runs), count("runsWithoutFullView", runsWithoutFullView),
            count("viewChanges", viewChanges), count("missingAtEnd", missingAtEnd),
            count("strangersAtEnd", strangersAtEnd), count("queueDepthMax", queueDepth),
            count("stalls", stalls), count("isolations", isolations),
            count("answeredOverStreams", answeredOverStreams),
            ("events", .number(events)),
        ]
        return .group(out)
    }

    /// Per node and second.
    private var traffic: [(String, Figure)] {
        func rate(_ amount: UInt64) -> Figure {
            .number(nodeTime == 0 ? 0 : Self.scaled(amount, 1_000_000_000, over: nodeTime))
        }
        let octets = probeOctets + gossipOctets + exchangeOctets
        return [
            ("datagramsPerThousandNodeSeconds", rate(1000 * (probeDatagrams + gossipDatagrams))),
            ("octetsPerNodeSecond", rate(octets)),
            ("probeOctetsPerNodeSecond", rate(probeOctets)),
            ("gossipOctetsPerNodeSecond", rate(gossipOctets)),
            ("exchangeOctetsPerNodeSecond", rate(exchangeOctets)),
            ("datagrams", .number(probeDatagrams + gossipDatagrams)), ("octets", .number(octets)),
            ("exchanges", .number(exchanges)), ("busiestSecondOctets", .number(busiestSecond)),
        ]
    }

    /// Millionths; nothing of nothing is none.
    private func share(_ part: UInt64, of whole: UInt64) -> UInt64 {
        whole == 0 ? 0 : Self.scaled(part, 1_000_000, over: whole)
    }

    /// `amount * factor / whole` without overflow; saturates.
    private static func scaled(_ amount: UInt64, _ factor: UInt64, over whole: UInt64) -> UInt64 {
        let product = amount.multipliedFullWidth(by: factor)
        return product.high >= whole ? .max : whole.dividingFullWidth(product).quotient
    }
}
