extension Observations {
    /// Adds what was seen in another run.
    package mutating func add(_ other: Observations) {
        firstSuspicion.add(other.firstSuspicion)
        firstDrain.add(other.firstDrain)
        halfDrained.add(other.halfDrained)
        firstDead.add(other.firstDead)
        dead50.add(other.dead50)
        dead99.add(other.dead99)
        deadEverywhere.add(other.deadEverywhere)
        crashes += other.crashes
        crashesMissed += other.crashesMissed
        falseDeaths += other.falseDeaths
        falseDeathsAtHealthy += other.falseDeathsAtHealthy
        falseSuspicions += other.falseSuspicions
        drains += other.drains
        wronglyDrained += other.wronglyDrained
        watched += other.watched
        readmission.add(other.readmission)
        readmissionOfWell.add(other.readmissionOfWell)
        drainedAtOnce = max(drainedAtOnce, other.drainedAtOnce)
        told50.add(other.told50)
        told99.add(other.told99)
        toldEverywhere.add(other.toldEverywhere)
        rumours += other.rumours
        rumoursMissed += other.rumoursMissed
        addTraffic(of: other)
        addViews(of: other)
        addChecks(of: other)
    }

    private mutating func addTraffic(of other: Observations) {
        probeDatagrams += other.probeDatagrams
        gossipDatagrams += other.gossipDatagrams
        probeOctets += other.probeOctets
        gossipOctets += other.gossipOctets
        exchanges += other.exchanges
        exchangeOctets += other.exchangeOctets
        nodeTime += other.nodeTime
        queueDepth = max(queueDepth, other.queueDepth)
        busiestSecond = max(busiestSecond, other.busiestSecond)
        events += other.events
        stalls += other.stalls
        isolations += other.isolations
        answeredOverStreams += other.answeredOverStreams
    }

    private mutating func addViews(of other: Observations) {
        fullView.add(other.fullView)
        runs += other.runs
        runsWithoutFullView += other.runsWithoutFullView
        distinctSizes.add(other.distinctSizes)
        viewChanges += other.viewChanges
        missingAtEnd += other.missingAtEnd
        strangersAtEnd += other.strangersAtEnd
    }

    private mutating func addChecks(of other: Observations) {
        pairsChecked += other.pairsChecked
        incarnationsChecked += other.incarnationsChecked
        incarnationsBackwards += other.incarnationsBackwards
        boundsChecked += other.boundsChecked
        boundsBroken += other.boundsBroken
        codecChecked += other.codecChecked
        codecBroken += other.codecBroken
        drainChecked += other.drainChecked
        drainBroken += other.drainBroken
    }
}
